"""Where two quantities are nearly equal: a hypothesis about to fail, a threshold about to be crossed."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from sam_theory.arithmetic import Float64, lower_all
from sam_theory.engines._search._instances import Batch
from sam_theory.engines._search._judge import column
from sam_theory.engines._search._parameters import Array, Parameters

__all__ = ["Boundary"]

_RATIOS = np.array([0.55, 0.9, 0.97, 0.99, 0.995, 0.999, 1.001, 1.005, 1.01, 1.03, 1.1, 1.8])
_DECADES = 4.0
#: points between which crossings are looked for where the two ends of the range show none
_GRID = 41


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

    def near(self, batch: Batch, rng: np.random.Generator, scan: bool = False) -> Batch:
        """The rows with one parameter moved, by bisection, to where the sides are nearly equal.

        Rows that cannot be moved there, or would no longer be admissible, are left out.  With ``scan``, if that is all
        of them, the range is searched for crossings: the ratio may be a maximum, or undefined at an end.
        """
        state = rng.bit_generator.state
        found = self._near(batch, rng, 2)
        if scan and not found.size:
            rng.bit_generator.state = state
            found = self._near(batch, rng, _GRID)
        return found

    def _near(self, batch: Batch, rng: np.random.Generator, grid: int) -> Batch:
        n = batch.size
        if not self.movable:
            return batch.rows(np.zeros(0, dtype=int))
        target = np.log(_RATIOS)[np.arange(n) % len(_RATIOS)]
        which = rng.integers(0, len(self.movable), n)
        values = dict(batch.values)
        with np.errstate(all="ignore"):
            order = np.argsort(which, kind="stable")
            back = np.argsort(order, kind="stable")
            bounds = np.searchsorted(which[order], np.arange(len(self.movable) + 1))
            parts = [slice(a, b) for a, b in pairwise(bounds.tolist())]
            own = {k: v[order] for k, v in values.items()}
            self._bisect(own, dict(zip(self.movable, parts, strict=True)), target[order], grid)
            values |= {name: own[name][back] for name in self.movable}
            good = np.logical_and.reduce([np.isfinite(values[name]) for name in self.movable])
            values |= self.parameters.complete(values) if self.parameters.solved else {}
        moved = Batch(batch.scene, values, batch.start).rows(np.flatnonzero(good))
        symbols = {s.name: moved.values[s.name] for s in batch.scene.symbols}
        return moved.rows(np.flatnonzero(self.parameters.admitted(symbols, moved.size)))

    def _bisect(self, values: dict[str, Array], moved: dict[str, slice], target: Array, grid: int) -> None:
        """Move, in the named rows, the parameters in ``values`` that are ``moved``; NaN where there is no crossing."""
        n = len(target)
        before = np.concatenate([values[name][part] for name, part in moved.items()])
        sign = np.where(before < 0, -1.0, 1.0)

        def put(places: Array) -> None:
            for name, part in moved.items():
                values[name][part] = places[part]

        def off(x: Array) -> Array:
            put(sign * 10.0**x)
            return self.log_ratio(values, n) - target

        ends = np.linspace(-_DECADES, _DECADES, grid)
        seen = np.stack([off(np.full(n, x)) for x in ends])
        crosses = np.isfinite(seen[:-1]) & np.isfinite(seen[1:]) & (np.sign(seen[:-1]) != np.sign(seen[1:]))
        # the crossing that is nearest to where the parameter is
        middles = (ends[:-1] + ends[1:]) / 2
        away = np.abs(middles[:, None] - np.log10(np.abs(before))[None, :])
        first = np.where(crosses, away, np.inf).argmin(axis=0)
        low, high, side = ends[first], ends[first + 1], np.sign(seen[first, np.arange(n)])
        crossing = crosses.any(axis=0)
        for _ in range(60 if crossing.any() else 0):
            middle = (low + high) / 2
            left = np.sign(off(middle)) == side
            low, high = np.where(left, middle, low), np.where(left, high, middle)
        put(np.where(crossing, sign * 10.0 ** ((low + high) / 2), np.nan))
