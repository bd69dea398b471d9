"""Enclosures of boxes of orbits as one call."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

from flint import arb, ctx

from sam_theory.arithmetic import Undecided
from sam_theory.dynamics import Map
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._orbits import Orbits
from sam_theory.errors import InputError

__all__ = ["Enclosure", "enclose"]


@dataclass(frozen=True)
class Enclosure:
    """Every state after ``steps`` steps lies in ``hull``; ``stopped`` says why there are fewer than asked for.

    Where the box was split, ``hull`` contains the states of all orbits that start outside of ``undecided``. These are
    the parts of the box that were not followed to the end, each with the steps that were made, and ``stopped`` says
    how much of the box they are.
    """

    names: tuple[str, ...]
    hull: tuple[arb, ...]
    steps: int
    radius: float
    stopped: str = ""
    undecided: tuple[tuple[Box, int], ...] = ()
    parts: int = 1

    @property
    def complete(self) -> bool:
        """Whether all steps were made, by every orbit."""
        return not self.stopped


def enclose(map: Map, box: Box, steps: int, *, precision: int = 53, split: int = 1) -> Enclosure:
    """Enclose all orbits that start in a box of parameters and starts.

    Parameters
    ----------
    map : Map
    box : Box
        Exact sides for every parameter and every coordinate of the start, named ``w:0``, ``w:1``, ….
    steps : int
        Horizon.
    precision : int
        Bits of the ball arithmetic.
    split : int
        The number of parts into which the box may be divided where orbits cannot be followed: largest parts first,
        across the side that widens the states most. Along a jump, such as x = 0 for SAM, thin parts stay undecided.

    Returns
    -------
    Enclosure
        With fewer steps, and the reason, where a branch or kink of the map could not be excluded.

    Raises
    ------
    InputError
        A loss without values, a side that is missing, a rule with noise, ``split`` below 1.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.engines._ball import box, enclose
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import gd
    >>> found = enclose(Map(gd, Quadratic(1)), box({"eta": ("0.4", "0.5"), "w:0": 1}), 10)
    >>> found.steps, float(found.hull[0].upper()) < 0.0081
    (10, True)
    """
    if split < 1:
        raise InputError(f"split={split}: a box has at least one part")
    before = ctx.prec
    ctx.prec = precision
    try:
        orbits, stopped = _follow(map, box, steps)
        whole = Enclosure(orbits.coordinates, tuple(orbits.hull), orbits.steps, orbits.radius, stopped)
        return whole if not stopped or split == 1 else _in_parts(map, box, steps, split, orbits, whole)
    finally:
        ctx.prec = before


def _follow(map: Map, part: Box, steps: int) -> tuple[Orbits, str]:
    """The orbits of a part, and why they end early."""
    orbits = Orbits(map, part)
    for _ in range(steps):
        try:
            orbits.advance()
        except (Undecided, ZeroDivisionError) as problem:
            return orbits, f"after {orbits.steps} steps: {problem}"
    return orbits, ""


def _in_parts(map: Map, box: Box, steps: int, split: int, first: Orbits, whole: Enclosure) -> Enclosure:
    """The hull of all parts that were followed to the end, and those that were not."""
    hull: list[arb] = []
    undecided: list[tuple[Box, int]] = []
    queue: deque[tuple[Box, Orbits, str]] = deque([(box, first, whole.stopped)])
    parts = 1
    while queue:
        part, orbits, stopped = queue.popleft()
        side = _widening(orbits)
        if not stopped:
            hull = [a.union(b) for a, b in zip(hull, orbits.hull, strict=True)] if hull else list(orbits.hull)
        elif parts < split and side is not None:
            parts += 1
            queue.extend((half, *_follow(map, half, steps)) for half in part.bisect(side))
        else:
            undecided.append((part, orbits.steps))
    if not hull:
        return whole
    share = sum((part.volume(box.wide) for part, _ in undecided), Fraction(0)) / box.volume()
    stopped = f"{len(undecided)} of {parts} parts, {float(share):.3g} of the box, are not followed to the end"
    radius = max(float(h.rad()) for h in hull)
    return Enclosure(whole.names, tuple(hull), steps, radius, stopped if undecided else "", tuple(undecided), parts)


def _widening(orbits: Orbits) -> str | None:
    """The side of the box that widens the states most, relative to their size; None where all sides are points."""

    def widens(j: int) -> float:
        reach = float(orbits.deviation[j].rad())
        return max(abs(float(row[j].mid())) * reach for row in orbits.linear)

    if not orbits.free:
        return None
    return orbits.free[max(range(len(orbits.free)), key=widens)]
