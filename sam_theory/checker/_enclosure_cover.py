"""Boxes of exact rationals, read strictly, and whether parts tile a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb

from sam_theory.checker._enclosure_base import exact, hull_of
from sam_theory.checker._rejected import Rejected

__all__ = [
    "Box",
    "ball_of",
    "bisect",
    "box_text",
    "entries",
    "middle",
    "read_box",
    "read_count",
    "read_number",
    "tiles",
]

Side = tuple[Fraction, Fraction]
Box = dict[str, Side]

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?")
_DIGITS = 20_000


def entries(data: Any, wanted: Sequence[str], what: str) -> list[Any]:
    """The values of exactly these keys."""
    if not isinstance(data, Mapping):
        raise Rejected(f"{what} is no object")
    unknown, missing = sorted(set(data) - set(wanted)), sorted(set(wanted) - set(data))
    if unknown or missing:
        raise Rejected(f"{what}: {'unknown' if unknown else 'missing'} key '{(unknown or missing)[0]}'")
    return [data[n] for n in wanted]


def read_number(text: Any, what: str) -> Fraction:
    """A rational in lowest terms, written p/q."""
    if not isinstance(text, str) or len(text) > _DIGITS or not _NUMBER.fullmatch(text):
        raise Rejected(f"{what}: {str(text)[:40]!r} is no exact rational such as '3/4'")
    found = Fraction(text)
    if str(found) != text:
        raise Rejected(f"{what}: {text} is not in lowest terms")
    return found


def read_count(value: Any, what: str, most: int) -> int:
    """A whole number from 0 to ``most``."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Rejected(f"{what}: {value!r} is no whole number from 0 to {most}")
    return value


def read_side(data: Any, what: str) -> Side:
    """An interval [low, high]."""
    if not isinstance(data, list | tuple) or len(data) != 2:
        raise Rejected(f"{what} is no pair of ends")
    low, high = (read_number(a, what) for a in data)
    if low > high:
        raise Rejected(f"{what}: the interval [{low}, {high}] is empty")
    return low, high


def read_box(data: Any, what: str) -> Box:
    """A box: a side for each name, in the order given."""
    if not isinstance(data, Mapping):
        raise Rejected(f"{what} is no box")
    return {str(n): read_side(side, f"{what}, side '{n}'") for n, side in data.items()}


def read_leaf(data: Any, whole: Box, what: str) -> Box:
    """A part of ``whole`` as a list of the sides that are no points."""
    wide = [n for n, (low, high) in whole.items() if low < high]
    if not isinstance(data, list | tuple) or len(data) != len(wide):
        raise Rejected(f"{what} has not the sides of the region")
    found = dict(zip(wide, (read_side(s, what) for s in data), strict=True))
    return {n: found.get(n, side) for n, side in whole.items()}


def tiles(whole: Box, parts: Sequence[Box]) -> bool:
    """Whether ``parts`` tile ``whole`` exactly, as repeated halving makes them: no gap, no overlap, nothing outside.

    They come in ascending order, so that one tiling has one text.

    Examples
    --------
    >>> half, one = Fraction(1, 2), Fraction(1)
    >>> whole, left, right = {"x": (half - half, one)}, {"x": (half - half, half)}, {"x": (half, one)}
    >>> tiles(whole, [left, right]), tiles(whole, [left]), tiles(whole, [left, left, right])
    (True, False, False)
    """
    if any(list(a.values()) >= list(b.values()) for a, b in pairwise(parts)):
        return False
    open_parts: list[tuple[Box, list[Box]]] = [(whole, list(parts))]
    while open_parts:
        box, inside = open_parts.pop()
        if len(inside) == 1 and inside[0] == box:
            continue
        for n, (low, high) in box.items():
            half = (low + high) / 2
            if low < high and inside and all(p[n][1] <= half or p[n][0] >= half for p in inside):
                left = [p for p in inside if p[n][1] <= half]
                right = [p for p in inside if p[n][1] > half]
                if not left or not right:
                    return False
                open_parts += [({**box, n: (low, half)}, left), ({**box, n: (half, high)}, right)]
                break
        else:
            return False
    return True


def middle(box: Box) -> dict[str, Fraction]:
    """The centre."""
    return {n: (low + high) / 2 for n, (low, high) in box.items()}


def ball_of(side: Side) -> arb:
    """A ball that contains an interval."""
    return exact(side[0]) if side[0] == side[1] else hull_of(exact(side[0]), exact(side[1]))


def bisect(box: Box, name: str) -> tuple[Box, Box]:
    """Two halves."""
    low, high = box[name]
    return {**box, name: (low, (low + high) / 2)}, {**box, name: ((low + high) / 2, high)}


def box_text(box: Box) -> str:
    """The box in plain text."""
    return ", ".join(f"{n} = {a}" if a == b else f"{n} in [{a}, {b}]" for n, (a, b) in box.items())
