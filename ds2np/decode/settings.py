"""Which decoder, with which options: from the command line, or from a run."""

import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ds2np.decode.making import DECODERS, make_decoder
from ds2np.errors import UserError
from ds2np.files import read_text, replacing, strict_json
from ds2np.lm import NGram

WEIGHT = 4.0  # of a phrase without a number
FILES = "lm", "phrases"  # settings that name a file


@dataclass(frozen=True)
class DecoderSettings:
    """A decoder by name, with the options that its user chooses; see `BeamDecoder`.

    Attributes
    ----------
    decoder : str
        A key of `ds2np.decode.DECODERS`.
    lm, phrases : str
        Files; empty for none.
    alpha, beta : float
    beam, n_best : int
    closed_vocabulary : bool
    """

    decoder: str = "greedy"
    lm: str = ""
    alpha: float = 0.5
    beta: float = 1.5
    beam: int = 100
    phrases: str = ""
    n_best: int = 1
    closed_vocabulary: bool = False

    @classmethod
    def choose(cls, given, before=None):
        """Return what the user has given, over what a run has from before.

        Parameters
        ----------
        given : dict
            Options that were set. A language model, or any other option of the beam search, chooses
            the beam search.
        before : DecoderSettings, optional

        Raises
        ------
        UserError
            If there is no such decoder, greedy decoding gets options of the beam search, or weights
            are given without a language model.
        """
        name = given.get("decoder")
        if name is not None and name not in DECODERS:
            raise UserError(f"unknown decoder {name!r}; choose from {', '.join(DECODERS)}")
        extra = sorted(set(given) - {"decoder"})
        if name not in (None, "beam"):
            if extra:
                raise UserError(f"the decoder {name} has no {extra[0]}; use --decoder beam")
            return cls(name)
        settings = before or cls()
        chosen = replace(settings, **{"decoder": "beam" if extra else settings.decoder} | given)
        weights = sorted({"alpha", "beta"} & set(given))
        if weights and not chosen.lm:
            raise UserError(f"{weights[0]} weighs a language model; give one by --lm FILE")
        return chosen

    @classmethod
    def read(cls, file):
        """Read the settings that `write` has written, or return None if there is no such file.

        Raises a UserError if the file has been damaged.
        """
        try:
            text = file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            raise UserError(
                f"{file} is damaged, expected the settings of a decoder; run tune, or delete it"
            ) from None

    def write(self, file):
        """Write them as JSON, the paths of files in full."""
        paths = {name: str(Path(path).resolve()) for name in FILES if (path := getattr(self, name))}
        with replacing(file) as out:
            out.write(strict_json(asdict(self) | paths, indent=1) + "\n")

    def keep(self, file):
        """Write them for a new run, unless it has others already or they say nothing."""
        if self != DecoderSettings() and not file.exists():
            self.write(file)

    def __str__(self):
        if self.decoder != "beam":
            return f"{self.decoder} decoding"
        weights = f" and {self.lm} (alpha {self.alpha:g}, beta {self.beta:g})" if self.lm else ""
        return f"beam search with {self.beam} prefixes{weights}"

    def build(self, config):
        """Make the decoder for networks of a `DeepSpeech2Config`; read the files that it needs.

        Raises
        ------
        UserError
            If a file cannot be read, or language model and alphabet do not fit.
        """
        if self.decoder != "beam":
            return make_decoder(self.decoder, config)
        return make_decoder(
            "beam",
            config,
            lm=NGram.load(Path(self.lm)) if self.lm else None,
            beam=self.beam,
            alpha=self.alpha,
            beta=self.beta,
            n_best=self.n_best,
            phrases=read_phrases(Path(self.phrases)) if self.phrases else None,
            closed_vocabulary=self.closed_vocabulary,
        )


def read_phrases(file):
    """Read favoured phrases: one a line, with a number after a tab, `WEIGHT` without.

    Returns
    -------
    dict of str to float
        How many times as probable each word of a phrase counts.

    Raises
    ------
    UserError
        If the file cannot be read, or a line has no phrase, another number than one above 0, or a
        phrase for the second time.
    """
    lines = read_text(file, "expected a phrase in each line").splitlines()
    phrases = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        phrase, _, weight = line.partition("\t")
        phrase = " ".join(phrase.split())
        try:
            weight = float(weight) if weight.strip() else WEIGHT
        except ValueError:
            weight = math.nan
        where = f"{file}, line {number}"
        if not phrase:
            raise UserError(
                f"{where}: a number without a phrase; expected a phrase, a tab, a number"
            )
        if not 0 < weight < math.inf:
            raise UserError(f"{where}: expected a number above 0 after the tab, found {line!r}")
        if phrase in phrases:
            raise UserError(f"{where}: {phrase!r} for the second time")
        phrases[phrase] = weight
    if not phrases:
        raise UserError(f"{file} has no phrases; expected one in each line")
    return phrases
