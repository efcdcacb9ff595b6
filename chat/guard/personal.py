"""What tells about a person: how it is written, and the digits that must agree.

Expressions find what looks like it; check digits decide.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import date

EMAIL = (
    r"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]{1,64}@"
    r"[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){0,6}\.[A-Za-z]{2,24}(?![A-Za-z0-9\-])"
)
MOBILE = r"(?<!\d)(?:(?:\+|00)?86[ \-]?)?1[3-9]\d[ \-]?\d{4}[ \-]?\d{4}(?!\d)"
INTERNATIONAL = r"(?<![\d+])\+[1-9](?:[ .\-]?\(?\d\)?){6,14}(?!\d)"
CHINESE_ID = r"(?<![0-9A-Za-z])[1-9]\d{16}[\dXxＸｘ](?![0-9A-Za-z])"
CARD = (
    r"(?<!\d)(?:[2-6]\d{12,18}|[2-6]\d{3}(?:[ \-]\d{4}){2,3}(?:[ \-]\d{1,3})?|"
    r"3\d{3}[ \-]\d{6}[ \-]\d{5}|62\d{4}[ \-]\d{13})(?!\d)"
)

ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
Check = Callable[[str], bool]


def digits(text: str) -> list[int]:
    return [unicodedata.decimal(char) for char in text if char.isdecimal()]


def is_chinese_id(text: str) -> bool:
    """GB 11643: a birthday, and a last sign by ISO 7064 (MOD 11-2)."""
    numbers = digits(text[:17])
    year, month, day = (
        int("".join(map(str, numbers[start:end])))
        for start, end in ((6, 10), (10, 12), (12, 14))
    )
    try:
        born = date(year, month, day)
    except ValueError:
        return False
    total = sum(map(int.__mul__, numbers, ID_WEIGHTS))
    last = unicodedata.normalize("NFKC", text[17]).upper()
    last = str(unicodedata.decimal(last, "X"))
    return born.year >= 1800 and last == ID_CHECKS[total % 11]


def is_card(text: str) -> bool:
    """Luhn's check (ISO/IEC 7812), of so many digits that are not all the same."""
    numbers = digits(text)
    doubled = [2 * number for number in numbers[-2::-2]]
    total = sum(numbers[::-2]) + sum(number // 10 + number % 10 for number in doubled)
    return 13 <= len(numbers) <= 19 and total % 10 == 0 and len(set(numbers)) > 1


EXPRESSIONS: dict[str, tuple[tuple[str, Check | None], ...]] = {
    "email": ((EMAIL, None),),
    "phone": ((MOBILE, None), (INTERNATIONAL, None)),
    "chinese_id": ((CHINESE_ID, is_chinese_id),),
    "card": ((CARD, is_card),),
}
