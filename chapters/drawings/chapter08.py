"""Drawings of chapter 08: the chain of changes, and the idea of the phase vocoder."""

import math

from svg import BLUE, FAINT, FILLS, INK, RED, SOFT, Drawing

from ds2np.audio import Augmentation


def chain():
    """Draw what happens to a recording on its way to the network, with how often it happens."""
    settings = Augmentation()
    drawing = Drawing(
        940,
        300,
        "One recording goes through five changes, each drawn at random in every epoch: the speaker "
        "(speed, stretch, pitch), the room, the noise, and the microphone's gain. What comes out "
        "is another sound in each epoch, always with the same transcript.",
    )

    def share(value):
        return f"{100 * value:.0f} % of the time"

    def between(values, unit):
        return f"{values[0]:g} to {values[1]:g} {unit}".replace("-", "−")

    steps = (
        ("speed", "always: " + ", ".join(f"{s:g}" for s in settings.speeds), "recurrent"),
        ("stretch", share(settings.stretch_share), "recurrent"),
        ("pitch", share(settings.pitch_share), "recurrent"),
        ("room", share(settings.reverb_share), "convolution"),
        ("noise", share(settings.noise_share), "linear"),
        ("gain", "always: " + between(settings.gain_db, "dB"), "sound"),
    )
    left, wide, gap, y = 118, 92, 22, 110
    drawing.text(52, y - 6, "one", 14, bold=True)
    drawing.text(52, y + 12, "recording", 14, bold=True)
    drawing.line((92, y), (left - 4, y), arrow=True)
    for i, (name, often, fill) in enumerate(steps):
        x = left + i * (wide + gap)
        drawing.box(x, y - 34, wide, 68, fill=FILLS[fill])
        drawing.text(x + wide / 2, y - 4, name, 16, bold=True)
        words = often.split(": ") if ": " in often else (often[:4].strip(), often[4:].strip())
        drawing.text(x + wide / 2, y + 14, words[0], 11, SOFT)
        drawing.text(x + wide / 2, y + 27, words[1], 11, SOFT)
        drawing.line((x + wide, y), (x + wide + gap - 3, y), arrow=True)
    end = left + len(steps) * (wide + gap)
    for j, dy in enumerate((-46, -16, 14, 44)):
        drawing.text(end + 6, y + dy + 6, f"epoch {j + 1}: another", 13, anchor="start")
    right = left + 3 * (wide + gap) - gap
    drawing.line((left, y - 44), (left, y - 52), (right, y - 52), (right, y - 44))
    drawing.text((left + right) / 2, y - 60, "the speaker", 13, SOFT)
    for i, name in ((3, "the place"), (4, "the world"), (5, "the microphone")):
        drawing.text(left + i * (wide + gap) + wide / 2, y - 60, name, 13, SOFT)
    y = 230
    drawing.line((left, 178), (end - gap, 178), color=FAINT)
    drawing.text(52, y - 6, "its", 14, bold=True)
    drawing.text(52, y + 12, "transcript", 14, bold=True)
    drawing.line((96, y), (end - 6, y), arrow=True)
    drawing.box(400, y - 20, 160, 40)
    drawing.text(480, y + 5, "stays as it is", 15)
    drawing.text(end + 6, y + 5, "the same", 13, anchor="start")
    return drawing


PERIOD, SIZE, STRIDE, TAKEN = 60, 200, 100, 130  # of a tone, a frame, new and old frames
COLOURS = ((INK, False), (RED, True), (BLUE, False))


def _fade(n):
    return 0.5 - 0.5 * math.cos(2 * math.pi * n / SIZE)


def _wave(place):
    return math.cos(2 * math.pi * place / PERIOD)


def _piece(drawing, x, y, phase_place, color, dashed, height=34):
    """Draw a faded frame from x on, whose first sample is the tone's at phase_place."""
    points = [
        (x + n, round(y - height * _fade(n) * _wave(phase_place + n), 1)) for n in range(0, 201, 2)
    ]
    drawing.line(*points, color=color, width=1.8, dashed=dashed)


def vocoder():
    """Draw frames that are taken, moved closer, and turned until they fit."""
    drawing = Drawing(
        940,
        520,
        "Above: three frames are taken from a tone, at places that lie far apart. Below left: they "
        "are moved closer; where they overlap, the crest of one meets the trough of the next, and "
        "their sum is a tone with holes. Below right: each is turned until its crests fit those of "
        "the frame before; their sum is the same tone, steady, and shorter.",
    )
    left, y = 60, 96
    drawing.text(left, 36, "1  frames are taken from the old sound", 16, bold=True, anchor="start")
    whole = [(left + n, round(y - 34 * _wave(n), 1)) for n in range(0, 661, 2)]
    drawing.line(*whole, color=FAINT, width=1.4)
    for k, (color, dashed) in enumerate(COLOURS):
        x = left + k * TAKEN
        for sign in (1, -1):
            rim = [(x + n, round(y - sign * 38 * _fade(n), 1)) for n in range(0, 201, 4)]
            drawing.line(*rim, color=color, width=1.6, dashed=dashed)
        drawing.text(x + SIZE / 2, y + 62, f"frame {k}", 13, color)
    drawing.line((left + 100, y + 78), (left + 100 + TAKEN, y + 78), arrow=True)
    drawing.text(left + 165, y + 96, "as they were", 12, SOFT)

    columns = ((50, TAKEN, "2  moved closer"), (500, STRIDE, "3  and turned until they fit"))
    for left, step, title in columns:
        drawing.text(left, 250, title, 16, bold=True, anchor="start")
        for k, (color, dashed) in enumerate(COLOURS):
            _piece(drawing, left + k * STRIDE, 310, k * step, color, dashed)
        drawing.line((left + 100, 360), (left + 200, 360), arrow=True)
        drawing.text(left + 150, 378, "closer", 12, SOFT)
        total = []
        for n in range(0, 401, 2):
            value = sum(
                _fade(n - k * STRIDE) * _wave(n - k * STRIDE + k * step)
                for k in range(3)
                if 0 <= n - k * STRIDE <= SIZE
            )
            total.append((left + n, round(440 - 34 * value, 1)))
        drawing.line(*total, color=INK, width=2.2)
    drawing.text(250, 500, "their sum: crests meet troughs", 14)
    drawing.text(700, 500, "their sum: the same tone, shorter", 14)
    return drawing


def draw():
    """Return each drawing's text under its file name."""
    return {"augment_08_chain.svg": str(chain()), "augment_08_vocoder.svg": str(vocoder())}
