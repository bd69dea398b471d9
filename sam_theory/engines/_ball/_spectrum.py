"""Eigenvalues of enclosed matrices: on which side of 1 their moduli certainly lie."""

from __future__ import annotations

from typing import Any

from flint import acb, acb_mat, arb

__all__ = ["Matrix", "eigenvalues", "multiply", "side"]

Matrix = list[list[arb]]


def multiply(a: Matrix, b: Matrix) -> Matrix:
    """The matrix product."""
    return [[sum((x * y for x, y in zip(row, col, strict=True)), arb(0)) for col in zip(*b, strict=True)] for row in a]


def _triangular(m: Matrix) -> bool:
    d = len(m)
    return all(m[i][j] == 0 for i in range(d) for j in range(i)) or all(
        m[i][j] == 0 for i in range(d) for j in range(i + 1, d)
    )


def eigenvalues(matrix: Matrix) -> list[Any] | None:
    """Balls that contain the eigenvalues of every matrix in ``matrix``, with multiplicities; None if not found.

    Clusters and repeated eigenvalues (as on manifolds of minima, where 1 is repeated) share one ball.

    Examples
    --------
    >>> from flint import arb
    >>> [bool(abs(m) <= 1) for m in eigenvalues([[arb(1), arb(0)], [arb(0), arb(1) / 2]])]
    [True, True]
    """
    if _triangular(matrix):
        return [acb(matrix[i][i]) for i in range(len(matrix))]
    if not all(a.is_finite() for row in matrix for a in row):
        return None
    try:
        return list(acb_mat([[acb(a) for a in row] for row in matrix]).eig(multiple=True))
    except (ValueError, ZeroDivisionError):
        return None


def side(matrix: Matrix) -> int | None:
    """−1 if every eigenvalue of every matrix has modulus below 1, 1 if every matrix has one above 1, else None.

    Powers decide where eigenvalues cannot be isolated: ‖Aᵏ‖ < 1 bounds all, |tr Aᵏ| > d one of them.
    """
    found = eigenvalues(matrix)
    if found is not None:
        moduli = [abs(m) for m in found]
        if all(m < 1 for m in moduli):
            return -1
        if any(m > 1 for m in moduli):
            return 1
    if len(matrix) == 1:
        return None
    power = matrix
    for _ in range(6):
        if sum((x**2 for row in power for x in row), arb(0)) < 1:
            return -1
        if abs(sum((power[i][i] for i in range(len(matrix))), arb(0))) > len(matrix):
            return 1
        power = multiply(power, power)
    return None
