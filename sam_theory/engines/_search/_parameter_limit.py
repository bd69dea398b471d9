"""Limits in a parameter: a sequence of values that approaches it, extrapolated; exactly by SymPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Float64
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import INVALID, Judge, column, witness
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._setting import Scene
from sam_theory.errors import InputError
from sam_theory.verdicts import Witness

__all__ = ["ParameterLimitJudge"]

_LEVELS = 14
_FACTOR = 4.0
_CLOSE = 1e-5


class ParameterLimitJudge(Judge):
    """The relative distance from the value that remains when the parameter is near its limit.

    A distance that still shrinks from level to level counts as none; Richardson's extrapolation removes it.
    """

    tolerance = 0.0
    uses_start = False
    climbs = False

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        if scene.loss is not None:
            raise InputError(f"theorem {scene.theorem.slug}: a limit in a parameter must be of a formula of parameters")
        self.variable: sp.Symbol = claim.variable
        self.formulas = self.compiled(
            {"observable": claim.observable, "value": claim.value if claim.value.is_finite else sp.S.Zero}
        )
        self.infinite = not claim.value.is_finite

    def violation(self, batch: Batch) -> Array:
        n = batch.size
        self.evaluations += n * _LEVELS
        distances = []
        with np.errstate(all="ignore"):
            for level in range(_LEVELS):
                values = dict(batch.values)
                values[self.variable.name] = self._approach(batch.values[self.variable.name], level)
                r = {k: column(v, n) for k, v in Float64().run(self.formulas, values).items()}
                scale = np.where(r["value"] != 0, np.abs(r["value"]), 1.0)
                distances.append((r["observable"] - r["value"]) / scale)
            d = np.stack(distances)
            size = np.abs(d)
            if self.infinite:
                return np.where(np.isfinite(size[-1]), np.where(size[-1] > 1.5 * size[-4], -1.0, 1.0), -1.0)
            best = np.minimum(size[-1], np.abs(self._extrapolated(d)))
            shrinking = size[-1] < 0.7 * size[-3]
        violation = np.where(shrinking & (best > _CLOSE), INVALID, best - _CLOSE)
        return np.where(np.isfinite(violation), violation, INVALID)

    def _extrapolated(self, d: Array) -> Array:
        """Aitken's extrapolation of the last distances: exact for a remainder that shrinks geometrically."""
        a, b, c = d[-3], d[-2], d[-1]
        bend = c - 2 * b + a
        return np.where(
            np.abs(bend) > 1e-13 * (np.abs(a) + np.abs(c)),
            c - (c - b) ** 2 / np.where(bend == 0, 1.0, bend),
            c,
        )

    def _approach(self, start: Array, level: int) -> Array:
        to = self.claim.to
        shrink = _FACTOR**-level
        if to == sp.oo:
            return start / shrink
        if to == -sp.oo:
            return -np.abs(start) / shrink
        return float(to) + start * shrink if to.is_Rational else start * np.nan

    def confirm(self, point: Point) -> Witness | None:
        """The limit at rational values of the other parameters, by SymPy, where the floats agree with it."""
        v = self.variable
        numbers = {
            s: sp.Rational(f.numerator, f.denominator)
            for s in self.scene.symbols
            if s != v
            for f in [point.values[s.name]]
        }
        fresh = sp.Symbol(v.name, positive=True)
        observable = self.claim.observable.xreplace(numbers).xreplace({v: fresh})
        claimed = self.claim.value.xreplace(numbers)
        try:
            limit = sp.limit(observable, fresh, self.claim.to, "+" if self.claim.to.is_finite else "-")
        except (NotImplementedError, ValueError):
            return None
        if limit.free_symbols or limit.has(sp.Limit, sp.AccumBounds, sp.nan) or self._agrees(limit, claimed):
            return None
        if limit.is_finite and not self._near(point, limit):
            return None
        values = {k: f for k, f in point.values.items() if k != v.name}
        at = Point(point.scene, values, ())
        extra = {"observable": f"limit of {self.claim.observable} as {v} -> {self.claim.to}", "relation": "≠"}
        return witness(at, "limit", None, str(limit), str(claimed), "SymPy", **extra)

    def _agrees(self, limit: Any, claimed: Any) -> bool:
        relation = self.claim.relation
        if not (limit.is_finite and claimed.is_finite):
            return bool(limit == claimed)
        gap = sp.nsimplify(sp.simplify(limit - claimed))
        if gap == 0 or not gap.is_comparable:
            return True
        return bool((relation == "<=" and gap < 0) or (relation == ">=" and gap > 0))

    def _near(self, point: Point, limit: Any) -> bool:
        values: dict[str, Any] = {k: float(f) for k, f in point.values.items()}
        values[self.variable.name] = float(self._approach(np.array(values[self.variable.name] or 1.0), 10))
        with np.errstate(all="ignore"):
            seen = float(Float64().run(self.formulas, values)["observable"])
        return abs(seen - float(limit)) <= 1e-3 * (abs(float(limit)) + 1e-9)
