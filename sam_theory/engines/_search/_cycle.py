"""Cycles: the formula stepped, multipliers from differences of simulated steps, exactly at rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from sam_theory.arithmetic import Arithmetic, Coordinates, Float64, NotExact, Rational, Undecided
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import compare, exactly, holds, text
from sam_theory.engines._search._instances import Batch, Point, Sampler
from sam_theory.engines._search._jets import Matrix, spectral_side
from sam_theory.engines._search._judge import INVALID, TOLERANCE, Judge, column, witness
from sam_theory.engines._search._orbits import exact_orbit, multiplier_matrix
from sam_theory.engines._search._parameters import Array, excess
from sam_theory.engines._search._scene import Scene
from sam_theory.verdicts import Witness

__all__ = ["CycleJudge"]

_MULTIPLIER_TOLERANCE = 1e-4
_GRID = 10.0 ** np.linspace(-4, 4, 161)


class CycleJudge(Judge):
    """The violation is how far a step misses the next point, relative to the cycle's size, or a multiplier."""

    tolerance = 0.0
    uses_start = False
    climbs = False

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        names = {f"p{i},{j}": c for i, p in enumerate(claim.points) for j, c in enumerate(p)}
        self.points = self.compiled(names)
        self.multipliers = self.compiled({f"m{i}": m for i, m in enumerate(claim.multipliers)}) if claim.multipliers else None
        relation = claim.exists_iff
        self.relation = None if relation is None else self.compiled({"l": relation.lhs, "r": relation.rhs})
        self.period, self.d = len(claim.points), len(claim.points[0])

    # -- floats ------------------------------------------------------------------------------------------
    def _points(self, values: dict[str, Any], n: int) -> Array:
        r = Float64().run(self.points, values)
        return np.stack([np.stack([column(r[f"p{i},{j}"], n) for j in range(self.d)]) for i in range(self.period)])

    def _exists(self, values: dict[str, Any], n: int) -> Array:
        if self.relation is None:
            return np.ones(n, dtype=bool)
        r = Float64().run(self.relation, values)
        return excess(self.claim.exists_iff, column(r["l"], n), column(r["r"], n)) == 0

    def _step(self, values: dict[str, Any], w: Array) -> Array:
        return np.asarray(self.scene.iterate(self.scene.step(Float64(), values, self.scene.state(Float64(), w), 0)))

    def violation(self, batch: Batch) -> Array:
        n = batch.size
        self.evaluations += n * self.period * (1 + 2 * self.d)
        with np.errstate(all="ignore"):
            values = batch.env()
            points, exists = self._points(values, n), self._exists(values, n)
            size = np.abs(points).max(axis=(0, 1))
            images = np.stack([self._step(values, p) for p in points])
            missed = np.abs(images - np.roll(points, -1, axis=0)).max(axis=(0, 1)) / size
            apart = np.abs(points - np.roll(points, -1, axis=0)).max(axis=(0, 1)) / size
            missed = np.where((apart == 0) & (self.period > 1), 1.0, missed)
            violation = missed - TOLERANCE
            if self.claim.multipliers or self.claim.stable is not None:
                off = self._multiplier_error(values, points, size)
                violation = np.maximum(violation, np.where(np.isfinite(off), off, INVALID))
            found_anyway = np.isfinite(size) & (size > 0) & (missed < TOLERANCE)
            violation = np.where(exists, violation, np.where(found_anyway, 1.0, -1.0))
        return np.where(np.isfinite(violation), violation, INVALID)

    def _multiplier_error(self, values: dict[str, Any], points: Array, size: Array) -> Array:
        """How far the measured multipliers are from the claimed ones, and from the claimed stability."""
        n = points.shape[-1]
        total = np.broadcast_to(np.eye(self.d)[:, :, None], (self.d, self.d, n))
        h = 1e-6 * size
        for p in points:
            columns = []
            for j in range(self.d):
                kick = np.zeros_like(p)
                kick[j] = h
                columns.append((self._step(values, p + kick) - self._step(values, p - kick)) / (2 * h))
            total = np.einsum("ikn,kjn->ijn", np.stack(columns, axis=1), total)
        measured = np.moveaxis(total, -1, 0)
        measured = np.where(np.isfinite(measured), measured, 0.0)
        eigenvalues = np.linalg.eigvals(measured)
        error = np.full(n, -_MULTIPLIER_TOLERANCE)
        if self.multipliers is not None:
            r = Float64().run(self.multipliers, values)
            claimed = np.stack([column(r[f"m{i}"], n) for i in range(len(self.claim.multipliers))], axis=1)
            near = np.abs(claimed[:, :, None] - eigenvalues[:, None, :]).min(axis=2)
            error = (near / (1 + np.abs(claimed))).max(axis=1) - _MULTIPLIER_TOLERANCE
        if self.claim.stable is not None:
            top = np.abs(eigenvalues).max(axis=1) - 1
            error = np.maximum(error, (top if self.claim.stable else -top) - _MULTIPLIER_TOLERANCE)
        return error

    def extra(self, rng: np.random.Generator) -> list[Point]:
        """Where the cycle is said not to exist: orbits of its period, found by a change of sign of F^p(w) − w."""
        if self.relation is None or self.d != 1:
            return []
        sampler = Sampler(self.scene, False, False)
        batch = sampler.simple(rng, 2 * self.budget.simple)
        if batch is None:
            return []
        with np.errstate(all="ignore"):
            absent = np.flatnonzero(~self._exists(batch.env(), batch.size))[:64]
            if not len(absent):
                return []
            batch = batch.rows(absent)
            self.evaluations += 2 * len(_GRID) * self.period * batch.size
            found = []
            for sign in (1.0, -1.0):
                grid = sign * _GRID
                values = {k: np.repeat(v, len(grid)) for k, v in batch.env().items()}
                w = np.tile(grid, batch.size)
                low, high = self._bracket(values, w, batch.size, len(grid))
                found += [self._at(batch, i, x) for i, x in zip(low, high, strict=True)]
        return found[: self.budget.attempts]

    def _bracket(self, values: dict[str, Array], w: Array, n: int, g: int) -> tuple[list[int], list[float]]:
        def after(values: dict[str, Array], w: Array) -> tuple[Array, Array]:
            x = w[None, :]
            first = self._step(values, x)
            x = first
            for _ in range(self.period - 1):
                x = self._step(values, x)
            return x[0] - w, first[0] - w

        off, moved = after(values, w)
        off, moved = off.reshape(n, g), moved.reshape(n, g)
        change = (off[:, :-1] * off[:, 1:] < 0) & (np.abs(moved[:, :-1]) > 1e-9)
        rows, cols = np.nonzero(change)
        if not len(rows):
            return [], []
        at = rows * g + cols
        low, high = w[at], w[at + 1]
        side = np.sign(off[rows, cols])
        own = {k: v[at] for k, v in values.items()}
        for _ in range(60):
            middle = (low + high) / 2
            same = np.sign(after(own, middle)[0]) == side
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        gap, moved = after(own, low)
        good = (np.abs(gap) < 1e-9 * np.abs(low)) & (np.abs(moved) > 1e-9 * np.abs(low))
        return list(rows[good]), list(low[good])

    def _at(self, batch: Batch, i: int, x: float) -> Point:
        point = batch.point(i)
        return Point(point.scene, point.values, (Fraction(float(x)),))

    # -- exact -------------------------------------------------------------------------------------------
    def confirm(self, point: Point) -> Witness | None:
        if not self.scene.rational and self.scene.family is not None:
            return None
        relation = self.claim.exists_iff
        if relation is not None and not holds(relation, self.scene, point.values):
            return self._confirm_present(point)
        computed = exactly(lambda a: self._images(a, point))
        if computed is None:
            return None
        points, images = computed.value
        for i, image in enumerate(images):
            for a, b in zip(image, points[(i + 1) % self.period], strict=True):
                if compare(a, b) in (-1, 1):
                    at = Point(point.scene, point.values, ())
                    extra = {"observable": f"the step from point {i + 1}", "relation": "≠"}
                    return witness(at, "orbit", 1, a, b, computed.confirmed_by, **extra)
        if computed.confirmed_by != "fraction":
            return None
        if self.period > 1 and len(set(map(tuple, points))) < self.period:
            at = Point(point.scene, point.values, tuple(points[0]))
            return witness(at, "orbit", None, points[0][0], points[1][0], "fraction", observable="two points", relation="=")
        return self._confirm_multipliers(point, points)

    def _images(self, arithmetic: Arithmetic, point: Point) -> tuple[list[list[Any]], list[list[Any]]]:
        values = point.env(arithmetic)
        r = arithmetic.run(self.points, values)
        points = [[r[f"p{i},{j}"] for j in range(self.d)] for i in range(self.period)]
        images = []
        for p in points:
            state = self.scene.state(arithmetic, Coordinates(p))
            images.append(list(self.scene.iterate(self.scene.step(arithmetic, values, state, 0))))
        return points, images

    def _confirm_present(self, point: Point) -> Witness | None:
        """An exact orbit where there should be none: the formula's own, or one near the start."""
        values = point.env(Rational())
        guesses = [[float(c) for c in point.start]] if len(point.start) == self.d and any(point.start) else []
        computed = exactly(lambda a: self._images(a, point), balls=False)
        if computed is not None:
            guesses.insert(0, [float(c) for c in computed.value[0][0]])
        for guess in guesses:
            if not all(np.isfinite(guess)):
                continue
            orbit = exact_orbit(self.scene, values, guess, self.period)
            if orbit is not None and (self.period > 1 or any(orbit.points[0])):
                at = Point(point.scene, point.values, orbit.points[0])
                extra = {"observable": f"a cycle of period {self.period} through", "relation": "where none should be:"}
                return witness(at, "orbit", self.period, orbit.points[0][0], str(self.claim.exists_iff), "fraction", **extra)
        return None

    def _confirm_multipliers(self, point: Point, points: list[list[Fraction]]) -> Witness | None:
        at = Point(point.scene, point.values, tuple(points[0]))
        try:
            matrix = multiplier_matrix(self.scene, point.env(Rational()), points)
            claimed = exactly(lambda a: a.run(self.multipliers, point.env(a)), balls=False) if self.multipliers else None
        except (NotExact, Undecided, ZeroDivisionError):
            return None
        for m in claimed.value.values() if claimed is not None else ():
            if _determinant([[x - (m if i == j else 0) for j, x in enumerate(row)] for i, row in enumerate(matrix)]) != 0:
                true = text(matrix[0][0]) if self.d == 1 else f"the eigenvalues of {[[text(x) for x in row] for row in matrix]}"
                return witness(at, "orbit", None, true, m, "fraction", observable="multiplier", relation="≠")
        side = spectral_side(matrix)
        if self.claim.stable is not None and side is not None and (side < 0) != self.claim.stable:
            true = text(abs(matrix[0][0])) if self.d == 1 else "spectral radius"
            return witness(
                at, "orbit", None, true, 1, "fraction", observable="modulus of the multiplier", relation=">" if side > 0 else "≤"
            )
        return None


def _determinant(matrix: Matrix) -> Fraction:
    if len(matrix) == 1:
        return matrix[0][0]
    total = Fraction(0)
    for j, a in enumerate(matrix[0]):
        if a:
            minor = [[x for k, x in enumerate(row) if k != j] for row in matrix[1:]]
            total += (-1) ** j * a * _determinant(minor)
    return total
