"""Guesses in floats: where a map of one variable seems to have a 2-cycle."""

from __future__ import annotations

import math
from itertools import pairwise

from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._system import System

__all__ = ["symmetric_guess"]

_GRID = [10.0 ** (k / 6) for k in range(-48, 13)]


def symmetric_guess(system: System, box: Box) -> list[float] | None:
    """The smallest x > 0 with F(F(x)) = x ≠ F(x) on a grid, at the middle of the box; None if none is seen."""
    if len(system.names) != 1:
        return None
    from scipy.optimize import brentq  # slow to import

    values = box.middle

    def image(x: float) -> float:
        try:
            return system.floats([x], values)[0]
        except (ArithmeticError, ValueError):
            return math.nan

    def opposite(x: float) -> float:
        return image(x) + x

    def back(x: float) -> float:
        return image(image(x)) - x

    for measure in (opposite, back):
        before = math.nan
        for left, right in pairwise(_GRID):
            here = measure(right)
            before = measure(left) if math.isnan(before) else before
            if before * here < 0:
                root = float(brentq(measure, left, right, xtol=1e-15))
                if abs(measure(root)) <= 1e-9 * root and abs(image(root) - root) > 1e-9 * root:
                    return [root]
            before = here
    return None
