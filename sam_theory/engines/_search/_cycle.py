"""Cycles: the formula stepped, multipliers from differences of simulated steps, exactly at rationals."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._cycle_exact import confirm_cycle
from sam_theory.engines._search._instances import Batch, Point, Sampler
from sam_theory.engines._search._judge import INVALID, TOLERANCE, Judge, column
from sam_theory.engines._search._parameters import Array, excess
from sam_theory.engines._search._setting import Scene
from sam_theory.errors import InputError
from sam_theory.verdicts import Witness

__all__ = ["CycleJudge"]

_MULTIPLIER_TOLERANCE = 1e-4
_GRID = 10.0 ** np.linspace(-4, 4, 161)


class CycleJudge(Judge):
    """How far a step misses the next point, relative to the size of the cycle, or a multiplier its value."""

    tolerance = 0.0
    uses_start = False
    climbs = False

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        claim = self.claim
        names = {f"p{i},{j}": c for i, p in enumerate(claim.points) for j, c in enumerate(p)}
        self.point_program = self.compiled(names)
        self.multiplier_program = (
            self.compiled({f"m{i}": m for i, m in enumerate(claim.multipliers)}) if claim.multipliers else None
        )
        relation = claim.exists_iff
        self.relation = None if relation is None else self.compiled({"l": relation.lhs, "r": relation.rhs})
        self.period, self.d = len(claim.points), len(claim.points[0])
        if self.d != scene.width:
            raise InputError(
                f"theorem {self.theorem.slug}: a point of the cycle must give all {scene.width} coordinates"
            )

    # -- floats ------------------------------------------------------------------------------------------
    def _points(self, values: dict[str, Any], n: int) -> Array:
        r = Float64().run(self.point_program, values)
        return np.stack([np.stack([column(r[f"p{i},{j}"], n) for j in range(self.d)]) for i in range(self.period)])

    def _exists(self, values: dict[str, Any], n: int) -> Array:
        if self.relation is None:
            return np.ones(n, dtype=bool)
        r = Float64().run(self.relation, values)
        return excess(self.claim.exists_iff, column(r["l"], n), column(r["r"], n)) == 0

    def _step(self, values: dict[str, Any], w: Array) -> Array:
        scene = self.scene
        return np.stack(scene.whole(scene.step(Float64(), values, scene.state_of(Float64(), list(w)), 0)))

    def violation(self, batch: Batch) -> Array:
        n = batch.size
        self.evaluations += n * self.period * (1 + 2 * self.d)
        with np.errstate(all="ignore"):
            values = batch.env()
            points, exists = self._points(values, n), self._exists(values, n)
            size = np.abs(points).max(axis=(0, 1))
            images = np.stack([self._step(values, p) for p in points])
            scale = np.where(size > 0, size, 1.0)
            missed = np.abs(images - np.roll(points, -1, axis=0)).max(axis=(0, 1)) / scale
            apart = np.abs(points - np.roll(points, -1, axis=0)).max(axis=(0, 1)) / scale
            missed = np.where((apart == 0) & (self.period > 1), 1.0, missed)
            violation = np.where((size == 0) & (self.period > 1), 1.0, missed - TOLERANCE)
            if self.claim.multipliers or self.claim.stable is not None:
                off = self._multiplier_error(values, points, scale)
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
        if self.multiplier_program is not None:
            r = Float64().run(self.multiplier_program, values)
            claimed = np.stack([column(r[f"m{i}"], n) for i in range(len(self.claim.multipliers))], axis=1)
            near = np.abs(claimed[:, :, None] - eigenvalues[:, None, :]).min(axis=2)
            error = (near / (1 + np.abs(claimed))).max(axis=1) - _MULTIPLIER_TOLERANCE
        if self.claim.stable is not None:
            top = np.abs(eigenvalues).max(axis=1) - 1
            error = np.maximum(error, (top if self.claim.stable else -top) - _MULTIPLIER_TOLERANCE)
        return error

    def extra(self, rng: np.random.Generator) -> list[Point]:
        """Where there should be no cycle: orbits of its period, where F^p(w) − w changes sign."""
        if self.relation is None or self.d != 1:
            return []
        sampler = Sampler(self.scene, False, False)
        batch = sampler.simple(rng, 2 * self.budget.simple)
        if batch is None:
            return []
        with np.errstate(all="ignore"):
            absent = np.flatnonzero(self._exists(batch.env(), batch.size) == 0)[:64]
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

    def confirm(self, point: Point) -> Witness | None:
        if not self.scene.rational and self.scene.family is not None:
            return None
        return confirm_cycle(self, point)
