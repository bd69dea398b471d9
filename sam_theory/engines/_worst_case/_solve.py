"""The dual problem in floating point: linear matrix inequalities by Clarabel.

Clarabel alone suffices: the problems have a dozen variables, the conic form is written down directly, and the
solution of the conic dual (the Gram matrix of a worst case) comes with it.  A modelling layer would add nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_theory.engines._worst_case._problem import Form, Problem

__all__ = ["MISSING", "Dual", "Solved", "available", "dual_of", "interior", "minimise"]

MISSING = "clarabel is not installed; install the extra: pip install 'sam-theory[pep]'"
_Matrix = NDArray[np.float64]
_GOOD = ("Solved", "AlmostSolved")


def available() -> bool:
    """Whether the solver is installed."""
    return find_spec("clarabel") is not None


@dataclass(frozen=True)
class Dual:
    """The dual in exact numbers: S(y) = Σ y_k ``matrices[k]`` + ``constant`` ⪰ 0, ``equalities`` y = ``right``.

    The unknowns are τ, μ where a norm is fixed, and one λ ≥ 0 for each interpolation condition (from ``first`` on);
    the bound is ``cost``·y.
    """

    names: tuple[Any, ...]
    first: int
    matrices: list[list[list[Fraction]]]
    constant: list[list[Fraction]]
    equalities: list[list[Fraction]]
    right: list[Fraction]
    cost: list[Fraction]


def dual_of(problem: Problem) -> Dual:
    """τ·initial + μ·fixed − final = Σ λ·slack + ⟨S, Gram⟩, as equations for τ, μ, λ and S."""
    forms: list[Form] = [problem.initial]
    names: list[Any] = ["tau"]
    cost = [problem.level]
    if problem.fixed is not None and problem.gradient_norm is not None:
        forms.append(problem.fixed)
        names.append("mu")
        cost.append(problem.gradient_norm**2)
    first = len(forms)
    slacks = list(problem.slacks.items())
    names += [key for key, _ in slacks]
    cost += [Fraction(0)] * len(slacks)
    signed = [(f, 1) for f in forms] + [(f, -1) for _, f in slacks]
    matrices = [[[sign * e for e in row] for row in f.matrix(problem.labels)] for f, sign in signed]
    constant = [[-e for e in row] for row in problem.final.matrix(problem.labels)]
    zero = Fraction(0)
    equalities = [[sign * f.values.get(v, zero) for f, sign in signed] for v in problem.values]
    right = [problem.final.values.get(v, zero) for v in problem.values]
    # A label whose square occurs nowhere (w, where α = 0) must not occur in S at all.
    for i in range(len(problem.labels)):
        if all(m[i][i] == 0 for m in (*matrices, constant)):
            for j in range(len(problem.labels)):
                equalities.append([m[i][j] for m in matrices])
                right.append(-constant[i][j])
    return Dual(tuple(names), first, matrices, constant, equalities, right, cost)


@dataclass(frozen=True)
class Solved:
    """A solution in floats: status, ``cost``·y, y, S(y) and the Gram matrix of a worst case."""

    status: str
    value: float
    y: _Matrix
    slack: _Matrix
    gram: _Matrix

    @property
    def good(self) -> bool:
        """Whether the solver claims to have solved the problem."""
        return self.status in _GOOD


def minimise(dual: Dual) -> Solved:
    """The least bound."""
    return _solve(dual, _floats(dual.cost), [], [])


def interior(dual: Dual, bound: Fraction) -> Solved:
    """Multipliers of a given bound, as far inside as possible: the largest t with S ⪰ t·scale and λ ≥ t."""
    return _solve(dual, None, [*dual.equalities, dual.cost], [*dual.right, bound])


def _solve(
    dual: Dual, cost: _Matrix | None, equalities: Sequence[Sequence[Fraction]], right: Sequence[Fraction]
) -> Solved:
    from scipy import sparse

    clarabel: Any = import_module("clarabel")

    rows = equalities or dual.equalities
    sides = right or dual.right
    count, size = len(dual.names), len(dual.constant)
    inner = cost is None
    eq = np.array([_floats(r) for r in rows]).reshape(len(rows), count)
    below = -np.eye(count)[dual.first :]
    scale = np.diag([max(abs(float(m[i][i])) for m in (*dual.matrices, dual.constant)) or 1.0 for i in range(size)])
    lmi = np.array([-_svec(_array(m)) for m in dual.matrices]).T
    a = np.vstack([eq, below, lmi])
    b = np.concatenate([_floats(sides), np.zeros(count - dual.first), _svec(_array(dual.constant))])
    cones = [clarabel.ZeroConeT(len(rows)), clarabel.NonnegativeConeT(count - dual.first)]
    cones.append(clarabel.PSDTriangleConeT(size))
    q = np.zeros(count) if cost is None else cost
    if inner:  # a further unknown t ≤ 1, to be maximised
        extra = np.concatenate([np.zeros(len(rows)), np.ones(count - dual.first), _svec(scale)])
        cap = np.zeros((1, count + 1))
        cap[0, -1] = 1.0
        a = np.vstack([cap, np.column_stack([a, extra])])
        b = np.concatenate([[1.0], b])
        cones = [clarabel.NonnegativeConeT(1), *cones]
        q = np.append(np.zeros(count), -1.0)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    empty = sparse.csc_matrix((len(q), len(q)))
    solution = clarabel.DefaultSolver(empty, q, sparse.csc_matrix(a), b, cones, settings).solve()
    y = np.array(solution.x)[:count]
    s = _array(dual.constant) + sum(v * _array(m) for v, m in zip(y, dual.matrices, strict=True))
    z = np.array(solution.z)[-(size * (size + 1) // 2) :]
    return Solved(str(solution.status), float(_floats(dual.cost) @ y), y, s, _smat(z, size))


def _floats(values: Sequence[Fraction]) -> _Matrix:
    return np.array([float(v) for v in values], dtype=np.float64)


def _array(rows: Sequence[Sequence[Fraction]]) -> _Matrix:
    return np.array([_floats(r) for r in rows], dtype=np.float64)


def _svec(m: _Matrix) -> _Matrix:
    """Upper triangle by columns, off-diagonal entries times √2."""
    size = len(m)
    return np.array([m[i, j] * (1.0 if i == j else np.sqrt(2.0)) for j in range(size) for i in range(j + 1)])


def _smat(v: _Matrix, size: int) -> _Matrix:
    m = np.zeros((size, size))
    place = 0
    for j in range(size):
        for i in range(j + 1):
            m[i, j] = m[j, i] = v[place] / (1.0 if i == j else np.sqrt(2.0))
            place += 1
    return m
