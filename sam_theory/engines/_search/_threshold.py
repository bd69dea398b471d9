"""Thresholds of linear stability: perturbations simulated on both sides, multipliers decided exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Coordinates, Float64, NotExact, Rational, Undecided, as_fraction
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import compare, exactly, text
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._jets import Matrix, image_and_derivative, spectral_side
from sam_theory.engines._search._judge import INVALID, Judge, column, witness
from sam_theory.engines._search._parameters import Array, Parameters
from sam_theory.engines._search._scene import Scene
from sam_theory.verdicts import Witness

__all__ = ["ThresholdJudge"]

_RATIOS = np.array([0.5, 0.9, 0.97, 0.99, 0.995, 0.999, 1.001, 1.005, 1.01, 1.03, 1.1, 2.0])
_RANGE = 4.0
_STEPS = 24
_SMALL = 1e-9


class ThresholdJudge(Judge):
    """The violation is the growth rate per unit of log(quantity/critical), with the sign that contradicts.

    Growth is read off simulated perturbations of the fixed point; the Jacobian is not used for it.
    """

    tolerance = 1e-2
    uses_start = False
    climbs = False

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        self.sides = self.compiled({"quantity": claim.quantity, "critical": claim.critical})
        self.at = [self.compiled({"at": c}) for c in claim.behaviour.at]
        self.direction: int | None = claim.behaviour.direction
        self.parameters = Parameters(scene)
        involved = claim.quantity.free_symbols | claim.critical.free_symbols
        self.movable = [s.name for s in self.parameters.free if s in involved and s.is_extended_nonnegative]
        self.movable += [s.name for s in self.parameters.free if s in involved and s.name not in self.movable]

    # -- floats ------------------------------------------------------------------------------------------
    def _log_ratio(self, values: dict[str, Any], n: int) -> Array:
        r = Float64().run(self.sides, values)
        q, c = column(r["quantity"], n), column(r["critical"], n)
        ok = (q > 0) & (c > 0)
        return np.where(ok, np.log(np.where(ok, q, 1.0)) - np.log(np.where(ok, c, 1.0)), np.nan)

    def prepare(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Move one parameter of each row until quantity/critical has a ratio near 1 (bisection in its logarithm)."""
        n = batch.size
        if not self.movable:
            return batch
        target = np.log(_RATIOS)[np.arange(n) % len(_RATIOS)]
        which = rng.integers(0, len(self.movable), n)
        values = {k: v.copy() for k, v in batch.values.items()}
        with np.errstate(all="ignore"):
            for j, name in enumerate(self.movable):
                rows = np.flatnonzero(which == j)
                if len(rows):
                    values[name][rows] = self._bisected({k: v[rows] for k, v in values.items()}, name, target[rows])
        good = np.isfinite(values[self.movable[0]])
        for name in self.movable:
            good &= np.isfinite(values[name])
        kept = Batch(batch.scene, {k: v[good] for k, v in values.items()}, batch.start[:, good])
        own = {s.name: kept.values[s.name] for s in self.scene.symbols}
        return kept.rows(self.parameters.violation(own, kept.size) == 0)

    def _bisected(self, values: dict[str, Array], name: str, target: Array) -> Array:
        n = len(target)
        sign = np.where(values[name] < 0, -1.0, 1.0)
        low, high = np.full(n, -_RANGE), np.full(n, _RANGE)

        def off(x: Array) -> Array:
            return self._log_ratio({**values, name: sign * 10.0**x}, n) - target

        at_low, at_high = off(low), off(high)
        for _ in range(60):
            middle = (low + high) / 2
            here = off(middle)
            left = np.sign(here) == np.sign(at_low)
            low, high = np.where(left, middle, low), np.where(left, high, middle)
        crossing = np.isfinite(at_low) & np.isfinite(at_high) & (np.sign(at_low) != np.sign(at_high))
        return np.where(crossing, sign * 10.0 ** ((low + high) / 2), np.nan)

    def violation(self, batch: Batch) -> Array:
        n = batch.size
        if not n:
            return np.zeros(0)
        self.evaluations += n * _STEPS
        with np.errstate(all="ignore"):
            values = batch.env()
            ratio = self._log_ratio(values, n)
            rate = self._growth(values, n)
            side = np.where(ratio < 0, 1.0, -1.0)
            violation = np.clip(side * rate / np.abs(ratio), -10.0, 10.0)
        return np.where(np.isfinite(violation) & (np.abs(ratio) > 1e-9), violation, INVALID)

    def _growth(self, values: dict[str, Any], n: int) -> Array:
        """The mean logarithmic growth of a small perturbation while it stays small."""
        scene, arithmetic = self.scene, Float64()
        at = np.stack([column(arithmetic.run(p, values)["at"], n) for p in self.at])
        scale = np.abs(at).max(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        if self.direction is None:
            kick = np.ones_like(at) * (1 + 0.1 * np.arange(len(at)))[:, None]
        else:
            kick = np.zeros_like(at)
            kick[self.direction] = 1.0
        w = at + _SMALL * scale * kick
        size = np.abs(w - at).max(axis=0)
        first, begun = size.copy(), np.zeros(n)
        last, taken = size.copy(), np.zeros(n)
        going = np.ones(n, dtype=bool)
        state = scene.state(arithmetic, w)
        for t in range(_STEPS):
            state = scene.step(arithmetic, values, state, t)
            off = scene.iterate(state) - at
            size = np.abs(off[self.direction] if self.direction is not None else off.max(axis=0))
            last, taken = np.where(going, size, last), np.where(going, t + 1.0, taken)
            going &= (size > 1e-12 * scale) & (size < 1e-6 * scale)
            if t == _STEPS // 3 and self.direction is None:
                first, begun = np.where(going, size, first), np.where(going, t + 1.0, begun)
        last = np.maximum(last, 1e-13 * scale)
        return np.log(last / first) / np.maximum(taken - begun, 1.0)

    # -- exact -------------------------------------------------------------------------------------------
    def confirm(self, point: Point) -> Witness | None:
        if not self.scene.rational and self.scene.family is not None:
            return None
        found = exactly(lambda a: a.run(self.sides, point.env(a)))
        place = exactly(lambda a: [a.run(p, point.env(a))["at"] for p in self.at], balls=False)
        if found is None or place is None:
            return None
        order = compare(found.value["quantity"], found.value["critical"])
        at: list[Fraction] = place.value
        matrix = self._jacobian(point, at)
        if order in (0, None) or matrix is None:
            return None
        side = self._side(matrix)
        moved = self._moved(point, at)
        if side is None or side != moved or side == order or side == 0:
            return None
        multiplier = self._multiplier(matrix)
        says = "stable" if order == -1 else "unstable"
        extra = {
            "observable": "modulus of the multiplier",
            "relation": ">" if side > 0 else "<",
            "claimed": f"{says}: quantity {text(found.value['quantity'])}, critical {text(found.value['critical'])}",
        }
        where = Point(point.scene, point.values, tuple(at))
        return witness(where, "point", None, multiplier, 1, found.confirmed_by, **extra)

    def _jacobian(self, point: Point, at: list[Fraction]) -> Matrix | None:
        """F' at the fixed point from exact jets, or by SymPy where a link is not rational; F(at) = at is checked."""
        try:
            image, matrix = image_and_derivative(self.scene, point.env(Rational()), at)
            return matrix if image == at else None
        except Undecided:
            return None
        except (NotExact, ZeroDivisionError):
            pass
        numbers = {k: sp.Rational(v.numerator, v.denominator) for k, v in point.env(Rational()).items()}
        place = [sp.Rational(c.numerator, c.denominator) for c in at]
        names = {sp.Symbol(k, real=True): v for k, v in numbers.items()}
        exact = self.scene.map.jacobian_at(place).xreplace(names).applyfunc(lambda e: e.doit())
        if not all(e.is_Rational for e in exact):
            return None
        return [[as_fraction(exact[i, j]) for j in range(exact.cols)] for i in range(exact.rows)]

    def _side(self, matrix: Matrix) -> int | None:
        j = self.direction
        if j is None:
            return spectral_side(matrix)
        if any(matrix[i][j] for i in range(len(matrix)) if i != j):
            return None
        return compare(abs(matrix[j][j]), 1)

    def _multiplier(self, matrix: Matrix) -> str:
        if self.direction is not None or len(matrix) == 1:
            j = self.direction or 0
            return text(abs(matrix[j][j]))
        return f"spectral radius of {[[text(a) for a in row] for row in matrix]}"

    def _moved(self, point: Point, at: list[Fraction]) -> int | None:
        """1 if two exact steps of small perturbations move away, −1 if they come nearer: a second channel."""
        j = self.direction
        d = len(at)
        size = Fraction(1, 10**8)
        kick = [size if j in (None, i) else Fraction(0) for i in range(d)]

        def compute(arithmetic: Arithmetic) -> Any:
            values = point.env(arithmetic)
            w = Coordinates(arithmetic.number(a + k) for a, k in zip(at, kick, strict=True))
            state = self.scene.state(arithmetic, w)
            total = []
            for t in range(2):
                state = self.scene.step(arithmetic, values, state, t)
                off = [x - arithmetic.number(a) for x, a in zip(self.scene.iterate(state), at, strict=True)]
                total.append(sum((o * o for o in off), arithmetic.number(Fraction(0))) if j is None else off[j] * off[j])
            return total

        found = exactly(compute)
        if found is None:
            return None
        begin = size * size * (d if j is None else 1)
        begin = found.arithmetic.number(begin)
        if d > 1 and j is None:
            return spectral_side(self._jacobian(point, at) or [])
        return compare(found.value[-1], begin)
