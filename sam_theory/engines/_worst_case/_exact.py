"""Linear algebra in fractions: reduced rows, and positive semidefiniteness by LDLᵀ."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

__all__ = ["is_psd", "reduce_rows", "solve_near"]

Rows = list[list[Fraction]]


def is_psd(matrix: Sequence[Sequence[Fraction]]) -> bool:
    """Whether a symmetric matrix is positive semidefinite: LDLᵀ without pivoting, in fractions.

    A pivot 0 needs a column of zeros below it; then every later Schur complement decides the same question.
    """
    m = [list(row) for row in matrix]
    for k in range(len(m)):
        pivot = m[k][k]
        if pivot < 0 or (pivot == 0 and any(m[i][k] for i in range(k + 1, len(m)))):
            return False
        for i in range(k + 1, len(m)) if pivot else ():
            factor = m[i][k] / pivot
            for j in range(k + 1, len(m)):
                m[i][j] -= factor * m[k][j]
    return True


def reduce_rows(rows: Rows, order: Sequence[int]) -> tuple[Rows, list[int]]:
    """Reduced row echelon form of (A|b), pivots sought in the columns in ``order``; rows of zeros are dropped.

    Returns the rows and the pivot column of each.
    """
    left = [list(r) for r in rows]
    done: Rows = []
    pivots: list[int] = []
    for column in order:
        found = next((r for r in left if r[column] != 0), None)
        if found is None:
            continue
        left.remove(found)
        head = found[column]
        found = [e / head for e in found]
        for group in (left, done):
            for r in group:
                if (factor := r[column]) != 0:
                    r[:] = [e - factor * f for e, f in zip(r, found, strict=True)]
        done.append(found)
        pivots.append(column)
    done += [r for r in left if any(r)]  # 0 = 1: no solution
    return done, pivots


def solve_near(
    equalities: Rows, right: Sequence[Fraction], near: Sequence[float], digits: int
) -> list[Fraction] | None:
    """A rational solution of the equalities near given floats, None where there is none.

    The larger numbers are solved for, the others are rounded to ``digits`` decimals, or to simpler fractions.
    """
    count = len(near)
    order = sorted(range(count), key=lambda k: -abs(near[k]))
    rows, pivots = reduce_rows([[*r, b] for r, b in zip(equalities, right, strict=True)], order)
    if len(rows) > len(pivots):
        return None
    y = [Fraction(v).limit_denominator(10**digits) for v in near]
    free = [k for k in range(count) if k not in pivots]
    for row, k in zip(rows, pivots, strict=True):
        y[k] = row[-1] - sum((row[j] * y[j] for j in free), Fraction(0))
    return y
