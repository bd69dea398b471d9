"""Enclosures of boxes of orbits as one call."""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, ctx

from sam_theory.arithmetic import Undecided
from sam_theory.dynamics import Map
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._orbits import Orbits

__all__ = ["Enclosure", "enclose"]


@dataclass(frozen=True)
class Enclosure:
    """Every state after ``steps`` steps lies in ``hull``; ``stopped`` says why there are fewer than asked for."""

    names: tuple[str, ...]
    hull: tuple[arb, ...]
    steps: int
    radius: float
    stopped: str = ""

    @property
    def complete(self) -> bool:
        """Whether all steps were made."""
        return not self.stopped


def enclose(map: Map, box: Box, steps: int, *, precision: int = 53) -> Enclosure:
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

    Returns
    -------
    Enclosure
        With fewer steps, and the reason, where a branch or kink of the map could not be excluded.

    Raises
    ------
    InputError
        A loss without values, a side that is missing, a rule with noise.

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
    before = ctx.prec
    ctx.prec = precision
    try:
        orbits = Orbits(map, box)
        stopped = ""
        for _ in range(steps):
            try:
                orbits.advance()
            except (Undecided, ZeroDivisionError) as problem:
                stopped = f"after {orbits.steps} steps: {problem}"
                break
        return Enclosure(orbits.coordinates, tuple(orbits.hull), orbits.steps, orbits.radius, stopped)
    finally:
        ctx.prec = before
