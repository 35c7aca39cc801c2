"""Numbers in Mandarin, which num2words lacks.

1984年                一九八四: a year, four digits before 年, is read digit by digit
1984; 10,050; 20000   一千九百八十四; 一万零五十; 二万
10^8 and more; 007    digit by digit
3.14; 1/2; -5         三点一四; 二分之一; 负五
5%; 20°               百分之五; 二十度
$5; £5; €5; ¥5        五美元; 五英镑; 五欧元; 五元
10:30; 10:00; 5-7     十点三十分; 十点; 五到七
B12; R&D              b十二; r和d
"""

import re

from ds2np.align.numerals import SIGNS, Numbers
from ds2np.text.characters import plain_form

DIGITS = "零一二三四五六七八九"
PLACES = ((1000, "千"), (100, "百"), (10, "十"), (1, ""))
LIMIT = 10**8
YEAR, WIDE_PERCENT = "年", "\uff05"
NAMES = {"$": "美元", "£": "英镑", "€": "欧元", "¥": "元", "°": "度", "&": "和", "%": "百分之"}
VULGAR = {"½": "二分之一", "¼": "四分之一", "¾": "四分之三"}


def spell_positional(number):
    """Spell a whole number from 0 to 99,999,999 with 万 and the places below."""
    high, low = divmod(number, 10_000)
    gap = "零" if high and 0 < low < 1000 else ""
    words = (f"{_below_ten_thousand(high)}万{gap}" if high else "") + _below_ten_thousand(low)
    return re.sub("^一十", "十", words) or DIGITS[0]


def _below_ten_thousand(number):
    """Spell 0 to 9,999: zeros within it are one 零, those at its end are not spoken."""
    words = gap = ""
    for value, place in PLACES:
        digit = number // value % 10
        if digit:
            words, gap = f"{words}{gap}{DIGITS[digit]}{place}", ""
        elif words:
            gap = DIGITS[0]
    return words


class MandarinNumbers(Numbers):
    """Spells the numbers of Mandarin by the rules above."""

    between = "到"

    def spell(self, piece, before="", after="", heading=False):
        """Spell a token, with full-width digits, too."""
        return super().spell("".join(map(plain_form, piece)), before, after, heading)

    def _join(self, words):
        return "".join(words)

    def _in_context(self, piece, before, after, heading):
        if re.fullmatch(r"\d{4}", piece) and after.startswith(YEAR):
            return self.one_by_one(piece)
        # The full-width sign is a token of its own, with nothing to speak.
        if after.startswith(WIDE_PERCENT) and re.fullmatch(r"[\d.,]+", piece):
            return self.spell(f"{piece}%")
        return None

    def cardinal(self, number):
        """Spell a whole number, an int."""
        return spell_positional(number) if number < LIMIT else self.one_by_one(str(number))

    def one_by_one(self, digits):
        """Spell a row of digits."""
        return "".join(DIGITS[int(digit)] for digit in digits)

    def sign(self, sign):
        """Spell a sign that stands without a number."""
        return NAMES.get(sign, None if sign in SIGNS else "")

    def number(self, part):
        """Spell a number with its signs."""
        whole, decimals, vulgar, unit = part.group("whole", "decimals", "vulgar", "unit")
        if part["mark"] or (vulgar and whole):
            return ""
        sign = part["money"] or unit
        words = VULGAR[vulgar] if vulgar else self.whole(whole or "0")
        if decimals:
            words += f"点{self.one_by_one(decimals)}"
        if sign:
            words = f"{NAMES[sign]}{words}" if sign == "%" else f"{words}{NAMES[sign]}"
        return f"负{words}" if part["minus"] else words

    def time(self, part):
        """Spell a time of day."""
        hour, minute = part[0].split(":")
        minutes = f"{'零' if minute[0] == '0' else ''}{self.cardinal(int(minute))}分"
        return f"{self.cardinal(int(hour))}点{minutes if int(minute) else ''}"

    def fraction(self, part):
        """Spell a fraction."""
        above, below = map(self.whole, part[0].split("/"))
        return f"{below}分之{above}"
