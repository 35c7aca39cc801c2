"""Make the book's mathematical font from TeX Gyre Pagella Math.

    python chapters/fonts/make.py texgyrepagella-math.otf

Debian has that file in its package fonts-texgyre-math. Needed besides: fonttools and brotli.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

NAME = "Book Mathematics"
# All that a formula may need; without Fraktur, the Sans alphabets and signs of other trades.
RANGES = """
20-7E A0-FF 131 237 300-338 391-3F5 2000-203F 2044 2057 20D0-20F0 2102-2135 2190-21FF 2200-22FF
2300-230B 23B4-23E1 27E6-27EF 27F5-27FF 2A00-2A0C 2A7D-2A7E 1D400-1D467 1D49C-1D4CF 1D538-1D56B
1D670-1D6A3 1D6A4-1D755 1D7CE-1D7FF
"""
PRIMES = 0x2032, 0x2033, 0x2034


def make(source, target):
    """Write the smaller font, with a name of its own as its licence asks.

    Parameters
    ----------
    source, target : str or Path
        An OpenType file and a WOFF2 file.
    """
    font = TTFont(source)
    _lower_primes(font)
    options = subset.Options(flavor="woff2", layout_features=["*"], name_IDs=["*"])
    subsetter = subset.Subsetter(options)
    ends = [part.split("-") for part in RANGES.split()]
    subsetter.populate(unicodes=[c for e in ends for c in range(int(e[0], 16), int(e[-1], 16) + 1)])
    subsetter.subset(font)
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 16):
            record.string = NAME
        elif record.nameID == 6:
            record.string = NAME.replace(" ", "")
    font["CFF "].cff.fontNames[0] = NAME.replace(" ", "")
    subset.save_font(font, str(target), options)


def _lower_primes(font):
    """Let the primes be those for superscripts: not every browser asks for them by itself."""
    features = font["GSUB"].table.FeatureList.FeatureRecord
    lookups = font["GSUB"].table.LookupList.Lookup
    wanted = next(f.Feature.LookupListIndex for f in features if f.FeatureTag == "ssty")
    for table in (t for i in wanted for t in lookups[i].SubTable):
        table = getattr(table, "ExtSubTable", table)
        for cmap in font["cmap"].tables:
            for prime in PRIMES:
                if choices := getattr(table, "alternates", {}).get(cmap.cmap.get(prime)):
                    cmap.cmap[prime] = choices[0]


if __name__ == "__main__":
    make(sys.argv[1], Path(__file__).parent / "book-mathematics.woff2")
