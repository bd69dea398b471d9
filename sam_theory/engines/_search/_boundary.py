"""Where two quantities are nearly equal: a hypothesis about to fail, a threshold about to be crossed."""

from __future__ import annotations

from typing import Any

import numpy as np

from sam_theory.arithmetic import Float64, lower_all
from sam_theory.engines._search._instances import Batch
from sam_theory.engines._search._judge import column
from sam_theory.engines._search._parameters import Array, Parameters

__all__ = ["Boundary"]

_RATIOS = np.array([0.55, 0.9, 0.97, 0.99, 0.995, 0.999, 1.001, 1.005, 1.01, 1.03, 1.1, 1.8])
_DECADES = 4.0


class Boundary:
    """The surface left = right in the space of parameters, approached from both sides."""

    def __init__(self, parameters: Parameters, left: Any, right: Any) -> None:
        self.parameters = parameters
        self.sides = lower_all({"left": left, "right": right})
        involved = left.free_symbols | right.free_symbols
        free = [s for s in parameters.free if s in involved]
        self.movable = [s.name for s in sorted(free, key=lambda s: s.is_extended_nonnegative is not True)]

    def log_ratio(self, values: dict[str, Any], n: int) -> Array:
        """log(left/right); NaN where a side is not positive."""
        r = Float64().run(self.sides, values)
        left, right = column(r["left"], n), column(r["right"], n)
        ok = (left > 0) & (right > 0)
        if ok.all():
            return np.asarray(np.log(left) - np.log(right))
        return np.where(ok, np.log(np.where(ok, left, 1.0)) - np.log(np.where(ok, right, 1.0)), np.nan)

    def near(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """The rows with one parameter moved, by bisection, to where the sides are nearly equal.

        Rows that cannot be moved there, or would no longer be admissible, are left out.
        """
        n = batch.size
        if not self.movable:
            return batch.rows(np.zeros(0, dtype=int))
        target = np.log(_RATIOS)[np.arange(n) % len(_RATIOS)]
        which = rng.integers(0, len(self.movable), n)
        values = {k: v.copy() for k, v in batch.values.items()}
        good = np.ones(n, dtype=bool)
        with np.errstate(all="ignore"):
            for j, name in enumerate(self.movable):
                rows = np.flatnonzero(which == j)
                if len(rows):
                    own = {k: v[rows] for k, v in values.items()}
                    values[name][rows] = self._bisected(own, name, target[rows])
                good &= np.isfinite(values[name])
            values |= self.parameters.complete(values) if self.parameters.solved else {}
        moved = Batch(batch.scene, values, batch.start).rows(np.flatnonzero(good))
        symbols = {s.name: moved.values[s.name] for s in batch.scene.symbols}
        return moved.rows(np.flatnonzero(self.parameters.admitted(symbols, moved.size)))

    def _bisected(self, values: dict[str, Array], name: str, target: Array) -> Array:
        n = len(target)
        sign = np.where(values[name] < 0, -1.0, 1.0)
        low, high = np.full(n, -_DECADES), np.full(n, _DECADES)

        def off(x: Array) -> Array:
            return self.log_ratio({**values, name: sign * 10.0**x}, n) - target

        at_low, at_high = off(low), off(high)
        for _ in range(60):
            middle = (low + high) / 2
            left = np.sign(off(middle)) == np.sign(at_low)
            low, high = np.where(left, middle, low), np.where(left, high, middle)
        crossing = np.isfinite(at_low) & np.isfinite(at_high) & (np.sign(at_low) != np.sign(at_high))
        return np.where(crossing, sign * 10.0 ** ((low + high) / 2), np.nan)
