"""Phase diagrams, cycles and drift times of maps, shown again from their data."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.checker._enclosure_base import Balls, Unclear, exact
from sam_theory.checker._enclosure_cover import (
    Box,
    bisect,
    entries,
    read_box,
    read_count,
    read_leaf,
    read_number,
    tiles,
)
from sam_theory.checker._enclosure_cycles import Point, apart, isolated_near, newton, read_point
from sam_theory.checker._enclosure_limits import PERIOD, read_formula
from sam_theory.checker._enclosure_map import System, read_system
from sam_theory.checker._enclosure_orbit import Orbit
from sam_theory.checker._enclosure_spectrum import fixed_exactly, multiplier_side, side_of_one
from sam_theory.checker._enclosure_value import Slopes, precise, shown_everywhere
from sam_theory.checker._rejected import Rejected
from sam_theory.errors import InputError

__all__ = ["check_diagram"]

_SIDES = {"stable": -1, "unstable": 1}
#: parts into which a cell may be divided
_PARTS = 64
#: how near to the orbit the point in a certificate lies, relative to its size
_NEAR = Fraction(1, 1000)
_STEPS = 1_000_000


def check_diagram(body: Any) -> None:
    """Show again what a certificate of a phase diagram, a cycle or a drift time says.

    Parameters
    ----------
    body : dict
        ``kind`` is ``PhaseDiagram``, ``CertifiedCycle`` or ``DriftTime``; the rest as ``docs/certified.md`` lists it.

    Raises
    ------
    Rejected
        Where a key is missing or unknown, a number is not exact, the cells are no tiling, the undecided part is not
        what the cells leave, or something is not shown.
    """
    if not isinstance(body, dict):
        raise Rejected("the certificate is no object")
    checks = {"PhaseDiagram": _check_phase, "CertifiedCycle": _check_cycle, "DriftTime": _check_drift}
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in checks:
        raise Rejected(f"no certificate is of kind {kind!r}")
    with precise():
        try:
            checks[kind](body)
        except (Unclear, ZeroDivisionError, OverflowError, InputError) as reason:
            raise Rejected(str(reason)) from reason


# -- phase diagrams ------------------------------------------------------------------------------------------
def _check_phase(body: dict[str, Any]) -> None:
    _, described, sides, what, data, undecided = entries(
        body, ("kind", "map", "box", "what", "cells", "undecided"), "the certificate"
    )
    box = read_box(sides, "the box")
    if len([n for n, (low, high) in box.items() if low < high]) != 2:
        raise Rejected("a phase diagram has two axes")
    fixed = isinstance(what, dict) and "at" in what
    cells = _cells(data, box, not fixed)
    _check_shares(cells, box, undecided)
    if fixed:
        at, direction = entries(what, ("at", "direction"), "what is stable")
        system = read_system(described)
        system.check_sides(box)
        _fixed_cells(system, box, at, direction, cells)
    else:
        frozen, period = entries(what, ("frozen", "period"), "what is stable")
        system = read_system(described, frozen)
        system.check_sides(box)
        times = read_count(period, "period", PERIOD)
        if not times:
            raise Rejected("an orbit has at least one point")
        for cell, word, near in cells:
            if word != "undecided":
                _cycle_cell(system, cell, word, near, times)


Cell = tuple[Box, str, Any]


def _cells(data: Any, box: Box, near: bool) -> list[Cell]:
    if not isinstance(data, list) or not data:
        raise Rejected("there is no list of cells")
    found: list[Cell] = []
    for i, cell in enumerate(data):
        word = cell.get("shown") if isinstance(cell, dict) else None
        if word not in (*_SIDES, "undecided"):
            raise Rejected(f"cell {i + 1} shows {word!r}, which is none of stable, unstable, undecided")
        keys = ("sides", "shown", "near") if near and word != "undecided" else ("sides", "shown")
        sides, _, *point = entries(cell, keys, f"cell {i + 1}")
        found.append((read_leaf(sides, box, f"cell {i + 1}"), word, point[0] if point else None))
    if not tiles(box, [c for c, _, _ in found]):
        raise Rejected("the cells do not tile the box")
    return found


def _check_shares(cells: list[Cell], box: Box, claimed: Any) -> None:
    def area(part: Box) -> Fraction:
        total = Fraction(1)
        for n, (low, high) in part.items():
            total *= high - low if box[n][0] < box[n][1] else 1
        return total

    left = sum((area(c) for c, word, _ in cells if word == "undecided"), Fraction(0)) / area(box)
    if read_number(claimed, "the undecided part") != left:
        raise Rejected(f"the cells leave {left} of the box undecided, not {claimed}")


def _fixed_cells(system: System, box: Box, at: Any, direction: Any, cells: list[Cell]) -> None:
    names = {n: sp.Symbol(n, real=True) for n in box}
    if not isinstance(at, list) or len(at) != len(system.names):
        raise Rejected(f"the point has not {len(system.names)} coordinates")
    point = [read_formula(c, names) for c in at]
    if direction is not None:
        read_count(direction, "direction", len(point) - 1)
    fixed_exactly(system.advance, system.complete, point, box)
    for cell, word, _ in cells:
        if word == "undecided":
            continue

        def show(part: Box, wanted: int = _SIDES[word]) -> tuple[bool, Slopes]:
            return multiplier_side(system.advance, system.complete, point, direction, part) == wanted, {}

        shown_everywhere(show, cell, f"'{word}'", _PARTS)


def _cycle_cell(system: System, cell: Box, word: str, near: Any, period: int) -> None:
    """A cycle near the given point at the middle of the cell, isolated for every parameter of the cell."""
    point = read_point(near, len(system.names), "the point near the cycle")
    start = _begin(system, cell, point, period)
    queue: list[tuple[Box, Point]] = [(cell, start)]
    count = 0
    while queue:
        part, guess = queue.pop()
        count += 1
        try:
            centre, found = isolated_near(system.advance, system.complete, part, guess, period)
            if apart(found.hulls, period) and side_of_one(found.slopes) == _SIDES[word]:
                continue
        except Unclear:
            centre = guess
        if count > _PARTS:
            raise Rejected(f"a cycle that is {word} is not shown on a cell")
        side = max(part, key=lambda n: (part[n][1] - part[n][0]) / ((cell[n][1] - cell[n][0]) or 1))
        queue.extend((half, centre) for half in bisect(part, side))


def _begin(system: System, box: Box, near: Point, period: int) -> Point:
    start = newton(system.advance, system.complete, box, near, period)
    size = max(map(abs, near))
    if any(abs(a - b) > _NEAR * size for a, b in zip(start, near, strict=True)):
        raise Rejected("the cycle does not pass near the given point")
    return start


# -- cycles --------------------------------------------------------------------------------------------------
def _check_cycle(body: dict[str, Any]) -> None:
    keys = ("kind", "map", "box", "frozen", "period", "near", "shown", "least_period")
    _, described, sides, frozen, period, near, word, least = entries(body, keys, "the certificate")
    system, box = read_system(described, frozen), read_box(sides, "the box")
    system.check_sides(box)
    times = read_count(period, "period", PERIOD)
    if not times or not isinstance(least, bool) or word not in ("stable", "unstable", "undecided"):
        raise Rejected("the period, what is shown of the multipliers, or the least period is no such thing")
    start = _begin(system, box, read_point(near, len(system.names), "the point near the cycle"), times)
    _, found = isolated_near(system.advance, system.complete, box, start, times)
    if word != "undecided" and side_of_one(found.slopes) != _SIDES[word]:
        raise Rejected(f"the cycle is not shown to be {word}")
    if least and not apart(found.hulls, times):
        raise Rejected("the points of the cycle are not shown to be distinct")


# -- drift ---------------------------------------------------------------------------------------------------
def _check_drift(body: dict[str, Any]) -> None:
    keys = ("kind", "map", "box", "coordinate", "below", "earliest", "latest")
    _, described, sides, coordinate, below, earliest, latest = entries(body, keys, "the certificate")
    system, box = read_system(described), read_box(sides, "the box")
    starts = system.coordinates[: system.field.loss.dimension or 0]
    if len(system.rule.state) > 1:
        raise Rejected("drift is checked for rules of the iterate alone")
    system.check_sides(box, starts)
    if coordinate not in starts:
        raise Rejected(f"there is no coordinate {coordinate!r}")
    level, place = exact(read_number(below, "below")), starts.index(coordinate)
    first = read_count(earliest, "earliest", _STEPS)
    last = None if latest is None else read_count(latest, "latest", _STEPS)
    if last is not None and last < first:
        raise Rejected("the latest step comes before the earliest")
    orbit = Orbit(system.advance, lambda k, s: {n: a for n, a in s.items() if n not in starts}, box, starts)
    for t in range(max(first, 0 if last is None else last + 1)):
        if t:
            orbit.step()
        square = Balls().power(orbit.hull[place], 2)
        if t < first and not square >= level:
            raise Rejected(f"an orbit may be below at step {t}, before the earliest")
        if t == last and not square < level:
            raise Rejected(f"not every orbit is shown to be below at step {t}")
