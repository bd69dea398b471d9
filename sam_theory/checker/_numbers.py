"""Rational numbers as texts: the only way in which certificates write them."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from sam_theory.checker._rejected import Rejected

__all__ = ["fraction_of"]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?")
#: Python reads integers of more than 4300 digits only when told to
_DIGITS = 4000


def fraction_of(text: Any) -> Fraction:
    """The rational in ``text``, p/q in lowest terms: no floats, and no exponents (``1e999999999`` fills the memory).

    Raises Rejected for everything else.
    """
    if isinstance(text, str) and len(text) <= _DIGITS and _NUMBER.fullmatch(text):
        found = Fraction(text)
        if str(found) == text:
            return found
    raise Rejected(f"{str(text)[:40]!r} is not a rational in lowest terms, such as '3/2'")
