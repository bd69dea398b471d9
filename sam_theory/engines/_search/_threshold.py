"""Thresholds of linear stability: perturbations simulated on both sides, multipliers decided exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Float64, NotExact, Rational, Undecided, as_fraction
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._boundary import Boundary
from sam_theory.engines._search._exact import compare, exactly, in_balls, text
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._jets import Matrix, image_and_derivative, spectral_side
from sam_theory.engines._search._judge import INVALID, Judge, column, witness
from sam_theory.engines._search._parameters import Array, Parameters
from sam_theory.engines._search._setting import Scene
from sam_theory.errors import InputError
from sam_theory.verdicts import Witness

__all__ = ["ThresholdJudge"]

_STEPS = 24
_SMALL = 1e-9


class ThresholdJudge(Judge):
    """The violation is the growth rate per unit of log(quantity/critical), with the sign that contradicts.

    Growth is read off simulated perturbations of the fixed point; the Jacobian is not used for it.
    """

    tolerance = 1e-2
    uses_start = False
    climbs = False
    shrinks_simple = True

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        self.sides = self.compiled({"quantity": claim.quantity, "critical": claim.critical})
        further = (sp.S.Zero,) * (scene.dimension * (len(scene.map.state) - 1))
        self.at = [self.compiled({"at": c}) for c in (*claim.behaviour.at, *further)]
        self.direction: int | None = claim.behaviour.direction
        self.parameters = Parameters(scene)
        self.boundary = Boundary(self.parameters, claim.quantity, claim.critical)

    # -- floats ------------------------------------------------------------------------------------------
    def prepare(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """The rows, and the same moved to where quantity/critical is near 1."""
        near = self.boundary.near(batch, rng, scan=True)
        values = {k: np.concatenate([v, batch.values[k]]) for k, v in near.values.items()}
        return Batch(batch.scene, values, np.concatenate([near.start, batch.start], axis=1))

    def violation(self, batch: Batch) -> Array:
        n = batch.size
        if not n:
            return np.zeros(0)
        self.evaluations += n * _STEPS
        with np.errstate(all="ignore"):
            values = batch.env()
            ratio = self.boundary.log_ratio(values, n)
            rate = self._growth(values, n)
            r = Float64().run(self.sides, values)
            apart = column(r["quantity"], n) - column(r["critical"], n)
            ratio = np.where(np.isfinite(ratio), ratio, np.sign(apart))
            violation = np.clip(np.where(ratio < 0, 1.0, -1.0) * rate / np.abs(ratio), -10.0, 10.0)
            neutral = (ratio < -0.1) & (np.abs(rate) < 1e-9)
            violation = np.where(neutral, 2 * self.tolerance, violation)
            violation = np.where((np.abs(ratio) > 1) & (violation <= 0), -1.0, violation)
        return np.where(np.isfinite(violation) & (np.abs(ratio) > 1e-9), violation, INVALID)

    def _growth(self, values: dict[str, Any], n: int) -> Array:
        """The logarithmic growth per step of small perturbations, from simulated steps."""
        at = np.stack([column(Float64().run(p, values)["at"], n) for p in self.at])
        size = np.abs(at).max(axis=0)
        size = _SMALL * np.where(size > 0, size, 1.0)
        if len(at) > 1 and self.direction is None:
            return self._spectral_growth(values, at, 1e3 * size)
        return self._directed_growth(values, at, size)

    def _spectral_growth(self, values: dict[str, Any], at: Array, size: Array) -> Array:
        """From the eigenvalues of the differences of one step along each axis."""
        scene, arithmetic, columns = self.scene, Float64(), []
        for axis in np.eye(len(at)):
            kick = axis[:, None] * size
            states = [scene.state_of(arithmetic, list(at + s * kick)) for s in (1, -1)]
            ends = [np.stack(scene.whole(scene.step(arithmetic, values, state, 0))) for state in states]
            columns.append((ends[0] - ends[1]) / (2 * size))
        matrices = np.moveaxis(np.stack(columns, axis=1), -1, 0)
        finite = np.isfinite(matrices).all(axis=(1, 2))
        radius = np.abs(np.linalg.eigvals(np.where(finite[:, None, None], matrices, 0.0))).max(axis=1)
        return np.where(finite, np.log(np.maximum(radius, 1e-300)), np.nan)

    def _directed_growth(self, values: dict[str, Any], at: Array, size: Array) -> Array:
        """The mean along one axis over the steps for which the perturbation stays small."""
        scene, arithmetic, n = self.scene, Float64(), at.shape[1]
        axis = self.direction or 0
        kick = np.zeros_like(at)
        kick[axis] = size
        state = scene.state(arithmetic, at + kick)
        first = np.abs(scene.iterate(state)[axis] - at[axis])
        last, taken, going = first, np.zeros(n), np.ones(n, dtype=bool)
        step = scene.stepper(arithmetic, values)
        for t in range(_STEPS):
            state = step(state, t)
            off = np.abs(scene.iterate(state)[axis] - at[axis])
            last, taken = np.where(going, off, last), np.where(going, t + 1.0, taken)
            going &= (off > 1e-3 * size) & (off < 1e3 * size)
        return np.log(np.maximum(last, 1e-4 * size) / first) / np.maximum(taken, 1.0)

    # -- exact -------------------------------------------------------------------------------------------
    def confirm(self, point: Point) -> Witness | None:
        if not self.scene.rational and self.scene.family is not None:
            return None
        found = exactly(lambda a: a.run(self.sides, point.env(a)))
        place = exactly(lambda a: [a.run(p, point.env(a))["at"] for p in self.at])
        if found is None or place is None:
            return None
        order = compare(found.value["quantity"], found.value["critical"])
        moved = self._not_fixed(point) if order in (-1, 0) else None  # beyond it nothing is said to be stable
        if moved is not None:
            return moved
        enclosed = place.confirmed_by == "arb"
        at: list[Fraction] = [] if enclosed else place.value
        matrix = in_balls(lambda a: self._enclosure(point, a)) if enclosed else self._jacobian(point, at)
        if order is None or matrix is None:
            return None
        side = self._side(matrix)
        wrong = side is not None and (side >= 0 if order < 0 else side < 0 if order > 0 else side != 0)
        if not wrong or not (enclosed or side == self._moved(point, at)):
            return None
        multiplier = self._multiplier(matrix)
        says = {-1: "stable", 0: "neutral", 1: "unstable"}[order]
        extra = {
            "observable": "modulus of the multiplier",
            "relation": {-1: "<", 0: "=", 1: ">"}[side or 0],
            "claimed": says,
            "quantity": text(found.value["quantity"]),
            "critical": text(found.value["critical"]),
        }
        where = Point(point.scene, point.values, tuple(at))
        return witness(where, "point", None, multiplier, 1, "arb" if enclosed else found.confirmed_by, **extra)

    def _not_fixed(self, point: Point) -> Witness | None:
        """The point of which stability is claimed, where it is certainly no fixed point."""
        scene = self.scene

        def pairs(arithmetic: Arithmetic) -> list[tuple[Any, Any]]:
            at = [arithmetic.run(p, point.env(arithmetic))["at"] for p in self.at]
            state = scene.step(arithmetic, point.env(arithmetic), scene.state_of(arithmetic, at), 0)
            return list(zip(scene.whole(state), at, strict=True))

        found = exactly(pairs)
        moved = [] if found is None else [p for p in found.value if compare(*p) in (-1, 1)]
        if found is None or not moved:
            return None
        extra = {"observable": "image of the point whose stability is claimed", "relation": "≠"}
        where, (image, at) = Point(point.scene, point.values, ()), moved[0]
        return witness(where, "point", 1, image, at, found.confirmed_by, **extra)

    def _enclosure(self, point: Point, arithmetic: Arithmetic) -> Matrix | None:
        """F' at a point with irrational coordinates, in balls; if the point is not fixed, the claim is false anyway."""
        if self.direction is not None:
            return None
        at = [arithmetic.run(p, point.env(arithmetic))["at"] for p in self.at]
        return image_and_derivative(self.scene, point.env(arithmetic), at, arithmetic)[1]

    def _jacobian(self, point: Point, at: list[Fraction]) -> Matrix | None:
        """F' at the fixed point from exact jets, or by SymPy where a link is not rational."""
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
        try:
            exact = self.scene.map.jacobian_at(place).xreplace(names).applyfunc(lambda e: e.doit())
        except InputError:
            return None
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
        size = range(len(matrix))
        if any(all(not matrix[i][j] for i in size for j in size if side * (i - j) > 0) for side in (1, -1)):
            return text(max(abs(matrix[i][i]) for i in size))  # triangular
        return f"spectral radius of {[[text(a) for a in row] for row in matrix]}"

    def _moved(self, point: Point, at: list[Fraction]) -> int | None:
        """1 if two exact steps of small perturbations move away, −1 if they come nearer: a second channel."""
        j = self.direction
        d = len(at)
        if d > 1 and j is None:
            return spectral_side(self._jacobian(point, at) or [])
        size = Fraction(1, 10**8)
        kick = [size if j in (None, i) else Fraction(0) for i in range(d)]

        def compute(arithmetic: Arithmetic) -> Any:
            values = point.env(arithmetic)
            start = [arithmetic.number(a + k) for a, k in zip(at, kick, strict=True)]
            state = self.scene.state_of(arithmetic, start)
            total = []
            for t in range(2):
                state = self.scene.step(arithmetic, values, state, t)
                off = [x - arithmetic.number(a) for x, a in zip(self.scene.whole(state), at, strict=True)]
                total.append(
                    sum((o * o for o in off), arithmetic.number(Fraction(0))) if j is None else off[j] * off[j]
                )
            return total

        found = exactly(compute)
        if found is None:
            return None
        begin = size * size * (d if j is None else 1)
        begin = found.arithmetic.number(begin)
        return compare(found.value[-1], begin)
