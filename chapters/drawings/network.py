"""The picture of the network with the block of one chapter in colour, the rest faded."""

from pathlib import Path

NETWORK = Path(__file__).parents[1] / "images" / "network.svg"

# From where to where, in the units of the picture, each chapter's block reaches.
BLOCKS = {
    "01": ("sound to spectrogram", 5, 268),
    "02": ("convolution", 268, 428),
    "03": ("batch normalisation, in convolutions and recurrent layers", 268, 628),
    "04": ("recurrent layers", 440, 632),
    "05": ("CTC", 705, 888),
    "06": ("everything that is trained", 268, 888),
    "07": ("all of it", 5, 955),
    "08": ("the sound", 5, 116),
    "09": ("from probabilities to text", 705, 955),
    "10": ("what is between sound and text", 116, 888),
    "11": ("what costs time: convolution and recurrence", 268, 632),
    "12": ("everything, CTC above all", 268, 888),
    "13": ("everything that is trained", 268, 888),
    "14": ("the symbols that it writes", 624, 955),
    "15": ("all of it, used as a tool", 5, 955),
    "16": ("all of it, piece by piece", 5, 955),
    "18": ("from the samples to the loss", 5, 888),
}


def draw():
    """Return each picture's text under its file name."""
    picture = NETWORK.read_text(encoding="utf-8")
    body, end = picture.rsplit("</svg>", 1)
    pictures = {}
    for number, (name, left, right) in BLOCKS.items():
        faded = "".join(
            f'<rect x="{x}" y="40" width="{width}" height="260" fill="#ffffff" opacity="0.78"/>\n'
            for x, width in ((0, left), (right, 960 - right))
        )
        frame = (
            f'<rect x="{left}" y="46" width="{right - left}" height="232" rx="8" fill="none" '
            f'stroke="#b3261e" stroke-width="2.5"/>\n'
        )
        text = f"{body}{faded}{frame}</svg>{end}"
        start, stop = text.index('<title id="title">'), text.index("</title>")
        title = f'<title id="title">The network, with the part of this chapter framed: {name}.'
        pictures[f"network_{number}.svg"] = text[:start] + title + text[stop:]
    return pictures
