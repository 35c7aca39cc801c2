"""The report of a run: one self-contained HTML page with curves, pictures and recordings."""

import base64
import functools
import html
import io
import sys

import numpy as np
from tqdm import tqdm

from ds2np.audio import load_audio
from ds2np.backend import to_cpu
from ds2np.files import replacing
from ds2np.plots import (
    choose_fonts,
    plot_curves,
    plot_health,
    plot_probabilities,
    plot_spectrogram,
)
from ds2np.text.score import count_edits
from ds2np.text.words import space_words

SAMPLES = 8  # utterances to listen to

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff; }}
img {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; }}
td, th {{ padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; }}
.scroll {{ overflow-x: auto; }}
.figures td {{ font-size: 1.5rem; font-weight: 600; padding-right: 2rem; }}
.figures th {{ font-weight: normal; color: #666; padding-right: 2rem; }}
.text {{ font-family: ui-monospace, monospace; }}
ins, del {{ text-decoration: none; border-radius: 3px; padding: 0 .15em; }}
ins {{ background: #ffd9d2; }} del {{ background: #dfe9ff; }}
audio {{ width: 16rem; height: 2rem; }}
</style></head><body>
<h1>{title}</h1>
{body}
</body></html>
"""


def _only_warning(method):
    """Draw with matplotlib's default settings, and print a warning instead of raising an error."""

    @functools.wraps(method)
    def run(self, *arguments):
        try:
            from matplotlib import style

            with style.context("default", after_reset=True):
                return method(self, *arguments)
        except Exception as error:  # of matplotlib's installation or settings, of the disk
            reason = (str(error) or type(error).__name__).splitlines()[0]
            if reason not in self._warned:
                tqdm.write(
                    f"warning: the report {self.path} could not be made ({reason}); "
                    f"the run itself is not affected",
                    file=sys.stderr,
                )
            self._warned.add(reason)
            return None

    return run


class Report:
    """The HTML page of a run, rewritten as the run proceeds.

    A page that cannot be made is a warning: it must not end a run whose network is saved.

    Parameters
    ----------
    folder : RunFolder
        Receives the page, at ``path``.
    spaces : bool
        Whether the script separates words; if not, characters are counted and marked.

    Attributes
    ----------
    about : str
        A paragraph on what the figures are worth, below them.
    """

    def __init__(self, folder, spaces=True):
        self.path, self._spaces, self.about = folder.report, spaces, ""
        self._title = f"Run {html.escape(str(folder.path))}"
        self._figures, self._transcripts = {}, []
        self._warned = set()

    @_only_warning
    def show(self, recogniser, dataset, evaluation, others=None):
        """Replace the transcripts and pictures by those of an `Evaluation` of a validation set.

        others: `Evaluation` of the same utterances with other decoders, by name.
        """
        others = others or {}
        shown, indices = _choose(evaluation), evaluation.indices
        first = dataset.utterances[indices[shown[0]]]
        picture, note = _draw_utterance(recogniser, first)
        wer, cer = f"{100 * evaluation.wer:.1f} %", f"{100 * evaluation.cer:.1f} %"
        rates = {"word error rate": wer, "character error rate": cer}
        if not evaluation.spaces:  # each utterance is one word
            rates = {"character error rate": cer, "wrong utterances": wer}
        unit = evaluation.unit
        self._figures = rates | {
            "utterances": f"{len(evaluation.refs):,}",
            "parameters": f"{recogniser.model.count_parameters():,}",
        }
        decoders = {"greedy decoding": evaluation, **others} if others else {}
        self._transcripts = [
            "<h2>From sound to characters</h2>",
            "<p>Above, the spectrogram that the network reads; below, the probability of each "
            "character over time. Between two characters the blank is usually most probable.</p>",
            _picture(
                picture,
                f"Spectrogram and character probabilities of “{evaluation.refs[shown[0]]}”",
            ),
            note,
            "<h2>Listen and compare</h2>",
            "<p>Recordings of the validation set, which the network was not trained on: half of "
            f"these are drawn at random, the others have the highest {unit} error rates. "
            f"<del>Missed</del> and <ins>wrongly recognised</ins> {unit}s are marked.</p>",
            _table(
                {
                    name: f"{100 * each.rate:.1f} % {each.rate_name}"
                    for name, each in decoders.items()
                }
            ),
            _samples(dataset, evaluation, shown, others),
        ]

    @_only_warning
    def write(self, history, points=(), status=""):
        """Write the page and return its path; None if that fails.

        Parameters
        ----------
        history : list of dict
            As returned by `read_history`.
        points : list of dict
            See `Progress`.
        status : str
            How far the run is, if it is not finished.
        """
        figures = self._figures | _count_training(history)
        sections = [
            f"<p><strong>{html.escape(status)}</strong></p>" if status else "",
            _table(figures),
            f"<p>{html.escape(self.about)}</p>" if self.about else "",
            "<h2>Learning</h2>",
            _picture(
                _draw_curves(history, points, self._spaces),
                "Loss, and word and character error rate, by epoch",
            ),
            "<p>At first a network predicts only blanks; when their share falls, it has begun to "
            "learn characters. Look into gradients that keep growing, and into a large share of "
            "time spent waiting for data.</p>",
            _picture(
                _draw_health(history, points),
                "Gradient norm, share of blank frames, and seconds of each part",
            ),
            *self._transcripts,
        ]
        with replacing(self.path) as file:
            file.write(PAGE.format(title=self._title, body="\n".join(sections)))
        return self.path


def _choose(evaluation):
    """Choose the utterances to show: half at random, half those with the most errors."""
    count = len(evaluation.refs)
    drawn = np.random.default_rng(0).permutation(count)[: SAMPLES // 2].tolist()
    errors = [count_edits([alignment]).rate for alignment in evaluation.alignments]
    worst = [int(i) for i in np.argsort(errors)[::-1] if int(i) not in drawn]
    return drawn + worst[: SAMPLES // 2]


def _count_training(history):
    minutes = sum(row["seconds"] for row in history) / 60
    memory = max((row["memory_mb"] for row in history), default=0)
    return {
        "epochs": f"{len(history)}",
        "minutes of training": f"{minutes:.1f}",
        "MB of memory": f"{memory:,.0f}",
    }


def _table(figures):
    if not figures:
        return ""
    head = "".join(f"<th>{name}</th>" for name in figures)
    row = "".join(f"<td>{value}</td>" for value in figures.values())
    return f'<div class="scroll"><table class="figures"><tr>{head}</tr><tr>{row}</tr></table></div>'


def _figure(rows, columns, size):
    from matplotlib.figure import Figure  # not pyplot, which loads a window system

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns)


def _draw_curves(history, points, spaces):
    figure, axes = _figure(1, 2, (10, 3.6))
    plot_curves(history, axes, points, spaces)
    return figure


def _draw_health(history, points):
    figure, axes = _figure(1, 3, (12, 3.2))
    plot_health(history, axes, points)
    return figure


def _draw_utterance(recogniser, utterance):
    """Draw the outputs of the network; return the figure, and a note on what has no font."""
    from matplotlib import rc_context

    config, features = recogniser.config, recogniser.features
    samples, rate = load_audio(utterance.audio_filepath, config.sample_rate, **utterance.part)
    spectrogram = features.spectrogram(samples)
    x = features.normalise(spectrogram)[None]
    log_probs, _ = recogniser.log_probs(x, np.array([x.shape[1]]))
    probabilities = np.exp(to_cpu(log_probs[0]))
    symbols, families, note = _name_symbols(probabilities, config.alphabet().symbols)
    with rc_context({"font.family": families}):
        figure, (above, below) = _figure(2, 1, (10, 6))
        plot_spectrogram(spectrogram, config.stride_ms, rate, above, shades=256)
        plot_probabilities(probabilities, config.frame_ms, symbols, below)
        above.set_xlim(below.get_xlim())
    return figure, note


def _name_symbols(probabilities, symbols):
    """Return what a picture calls the symbols, its fonts, and a note on them.

    Symbols that no installed font has are numbered; the note, which the reader's browser writes
    with its own fonts, says what they are.
    """
    path = probabilities.argmax(axis=1)
    met = [symbols[number - 1] for number in dict.fromkeys(path[path > 0].tolist())]
    families, missing = choose_fonts("".join(met))
    numbered = [symbol for symbol in met if set(symbol) & set(missing)]
    names = {symbol: str(number) for number, symbol in enumerate(numbered, start=1)}
    listed = ", ".join(f"{name} {html.escape(symbol)}" for symbol, name in names.items())
    note = f"<p>This machine has no font for these characters, so they are numbered: {listed}.</p>"
    return [names.get(symbol, symbol) for symbol in symbols], families, note if names else ""


def _picture(figure, caption):
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    source = base64.b64encode(data.getvalue()).decode()
    alt = html.escape(caption)
    return f'<figure><img alt="{alt}" src="data:image/png;base64,{source}"></figure>'


def _samples(dataset, evaluation, shown, others):
    rows = []
    for i in shown:
        reference, hypothesis = _mark(evaluation.unit_alignments[i])
        for name, other in others.items():
            hypothesis += f"<br>{html.escape(name)}: {_mark(other.unit_alignments[i])[1]}"
        utterance = dataset.utterances[evaluation.indices[i]]
        rows.append(
            f"<tr><td>{_player(utterance)}"
            f"<br><small>{html.escape(utterance.speaker)}</small></td>"
            f'<td class="text">reference: {reference}<br>hypothesis: {hypothesis}</td></tr>'
        )
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>'


def _player(utterance):
    import soundfile

    samples, rate = load_audio(utterance.audio_filepath, **utterance.part)
    data = io.BytesIO()
    soundfile.write(data, samples, rate, format="WAV", subtype="PCM_16")
    source = base64.b64encode(data.getvalue()).decode()
    return f'<audio controls src="data:audio/wav;base64,{source}"></audio>'


def _mark(alignment):
    """Mark where a reference and a hypothesis differ, as two strings of HTML."""
    texts = []
    for side, tag in enumerate(("del", "ins")):
        words = [(pair[side], len(set(pair)) > 1) for pair in alignment if pair[side] is not None]
        marked = ""
        for space, (word, differs) in zip(space_words(w for w, _ in words), words, strict=True):
            text = html.escape(word)
            marked += space + (f"<{tag}>{text}</{tag}>" if differs else text)
        texts.append(marked)
    return texts
