"""A worst instance as exact interpolation data: a member of the class on which the step is as bad as the solver says.

The solver's Gram matrix lies on the boundary of what is feasible, where rounding leaves it.  The feasible set is
convex, so a small admixture of a quadratic ½λ‖w‖² with α < λ < β gives every interpolation condition some room; then
vectors and values are rounded, and everything is checked in fractions.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_theory.arithmetic import Coordinates, Point, as_fraction
from sam_theory.engines._worst_case._problem import Problem
from sam_theory.theorems import DataPoint, InterpolationData

__all__ = ["data_above"]

_ADMIXTURES = (0.25, 0.125, 0.0625, 0.03, 0.015, 0.008, 0.004, 0.001, 0.0003, 0.0001)
_DENOMINATORS = (8, 16, 32, 64, 128, 512, 4096, 2**15, 2**18)


def data_above(problem: Problem, gram: Any, bound: Fraction) -> InterpolationData | None:
    """Exact data of one step on which final > ``bound``·initial, for a homogeneous problem; None if none was found."""
    if problem.fixed is not None:
        return None
    worst = np.array(gram, dtype=np.float64)
    middle = np.outer(*[_quadratic(problem)] * 2)
    worst, middle = worst / worst[0, 0], middle / middle[0, 0]
    for share in _ADMIXTURES:
        values, vectors = np.linalg.eigh((1 - share) * worst + share * middle)
        large = values > 1e-7 * values[-1]
        # Triangular coordinates: w = (1, 0, …), the first gradient in the plane, and so on.
        v = np.linalg.qr((vectors[:, large] * np.sqrt(values[large])).T)[1]
        v = v * np.sign(v[:, :1] + (v[:, :1] == 0))
        for denominator in _DENOMINATORS:
            rounded = [[Fraction(float(e)).limit_denominator(denominator) for e in column] for column in v.T]
            used = [i for i in range(len(v)) if any(column[i] for column in rounded)]
            rounded = [[column[i] for i in used] for column in rounded]
            found = _data(problem, dict(zip(problem.labels, rounded, strict=True)), bound)
            if found is not None:
                return found
    return None


def _quadratic(problem: Problem) -> NDArray[np.float64]:
    """The labels for ½λw² from w = 1, with λ in the middle of the class."""
    known, lam = {"w": 1.0}, float(problem.cls.alpha + problem.cls.beta) / 2
    for name, at in problem.points.items():
        known[f"g({name})"] = lam * sum(float(c) * known[a] for a, c in at.items())
    return np.array([known[a] for a in problem.labels])


def _data(problem: Problem, vectors: dict[str, list[Fraction]], bound: Fraction) -> InterpolationData | None:
    size = len(vectors["w"])
    zero = [Fraction(0)] * size

    def combined(terms: Any) -> list[Fraction]:
        return [sum((c * vectors[a][i] for a, c in terms.items()), Fraction(0)) for i in range(size)]

    places = {name: combined(at) for name, at in problem.points.items()}
    slopes = {name: vectors.get(f"g({name})", zero) for name in places}
    values = _values(problem, vectors)
    if values is None:
        return None
    points = tuple(
        DataPoint.of(name, at, slopes[name], values.get(f"L({name})", Fraction(0))) for name, at in places.items()
    )
    exact = [Point(p.name, Coordinates(p.at), Coordinates(p.gradient), p.value) for p in points]
    slacks = problem.cls.interpolation_slacks(exact, as_fraction(problem.cls.alpha), as_fraction(problem.cls.beta))
    numbers = {
        (a, b): sum((x * y for x, y in zip(vectors[a], vectors[b], strict=True)), Fraction(0))
        for a in vectors
        for b in vectors
    }
    before, after = (f.on(numbers, values) for f in (problem.initial, problem.final))
    if slacks is None or min(slacks.values()) < 0 or after <= bound * before:
        return None
    return InterpolationData(dict(problem.parameters), points, "w")


def _values(problem: Problem, vectors: dict[str, list[Fraction]]) -> dict[str, Fraction] | None:
    """Values at the points that leave the interpolation conditions as much room as possible, rounded."""
    from scipy.optimize import linprog

    numbers = {
        (a, b): sum((x * y for x, y in zip(vectors[a], vectors[b], strict=True)), Fraction(0))
        for a in vectors
        for b in vectors
    }
    names = problem.values
    rows = [[-float(f.values.get(n, 0)) for n in names] + [1.0] for f in problem.slacks.values()]
    sides = [float(f.on(numbers, {}, quadratic_only=True)) for f in problem.slacks.values()]
    found = linprog(
        [0.0] * len(names) + [-1.0], A_ub=rows, b_ub=sides, bounds=[(None, None)] * len(names) + [(None, 1)]
    )
    if not found.success or found.x[-1] <= 0:
        return None
    room = found.x[-1] / (8 * float(problem.cls.beta))
    return {
        n: Fraction(float(x)).limit_denominator(max(8, int(1 / room))) for n, x in zip(names, found.x, strict=False)
    }
