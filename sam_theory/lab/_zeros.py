r"""Where a test function changes its sign along a branch, with many digits.

:math:`\det(A+I)` belongs to a flip, the parameter's share of the tangent to a fold, the determinant of the bordered
derivative to a branch point, :math:`\det(A^{(2)}-I)` with the second compound matrix (its eigenvalues are products of
two multipliers) to a Neimark-Sacker point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from flint import arb, arb_mat

from sam_theory.lab._at import FloatArray
from sam_theory.lab._curve import CANNOT, Curve

__all__ = ["TESTS", "Chord", "Zero", "sign_change", "tests_at"]

Matrix = list[list[arb]]
Test = Callable[[list[arb], Matrix, list[arb]], arb]


def compound(a: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """The second compound matrix: all minors of order 2."""
    pairs = list(combinations(range(len(a)), 2))
    return [[a[p][r] * a[q][s] - a[p][s] * a[q][r] for r, s in pairs] for p, q in pairs]


def tests_at(slope: FloatArray, tangent: FloatArray, scale: FloatArray) -> dict[str, float]:
    """The test functions at a point of a branch: derivative of G (d, d+1), scaled unit tangent (d+1,)."""
    d = len(slope)
    a = slope[:, :d] + np.eye(d)
    tests = {
        "flip": float(np.linalg.det(a + np.eye(d))),
        "fold": float(tangent[-1]),
        "branch": float(np.linalg.det(np.vstack([slope * scale, tangent]))),
    }
    if d > 1:
        second = np.array(compound(a.tolist()))
        tests["Neimark-Sacker"] = float(np.linalg.det(second - np.eye(len(second))))
    return tests


def _plus(slopes: Matrix, number: int) -> Matrix:
    """A + number·I − I from the derivative of G."""
    d = len(slopes)
    return [[slopes[i][j] + (number if i == j else 0) for j in range(d)] for i in range(d)]


def _det(rows: Matrix) -> arb:
    return arb_mat(rows).det().mid()


def _fold_test(z: list[arb], slopes: Matrix, row: list[arb]) -> arb:
    d = len(z)
    right = arb_mat(d, 1, [*([arb(0)] * (d - 1)), arb(1)])
    return arb_mat([*slopes, row]).solve(right)[d - 1, 0].mid()


def _circle_test(z: list[arb], slopes: Matrix, row: list[arb]) -> arb:
    second = compound(_plus(slopes, 1))
    return _det([[e - int(i == j) for j, e in enumerate(r)] for i, r in enumerate(second)])


TESTS: dict[str, Test] = {
    "flip": lambda z, slopes, row: _det(_plus(slopes, 2)),
    "fold": _fold_test,
    "branch": lambda z, slopes, row: _det([*slopes, row]),
    "Neimark-Sacker": _circle_test,
}


class Chord:
    """The branch over the chord between two of its points, with many digits."""

    def __init__(self, curve: Curve, a: FloatArray, b: FloatArray, scale: FloatArray) -> None:
        across = (b - a) / scale
        self.curve = curve
        self.scale = scale
        self.length = float(np.linalg.norm(across))
        self.across = [arb(float(c) / self.length) for c in b - a]
        self.row = [arb(float(c)) / arb(float(s)) for c, s in zip(across / self.length, scale, strict=True)]
        self.start = [arb(float(c)) for c in a]
        self.offset = sum((r * c for r, c in zip(self.row, self.start, strict=True)), arb(0))
        self.known: list[tuple[arb, list[arb]]] = [(arb(0), self.start), (arb(self.length), [arb(float(c)) for c in b])]

    def __call__(self, s: arb, test: Test) -> tuple[list[arb], arb]:
        """The point at distance s along the chord, and the test function there."""
        z = self.curve.corrected_exactly(self._guess(s), self.row, (self.offset + s).mid())
        if any(
            abs(c - g) > arb(float(w)) * self.length for c, g, w in zip(z, self._straight(s), self.scale, strict=True)
        ):
            raise ArithmeticError("another branch was reached")
        self.known = [*[(t, p) for t, p in self.known if t != s][-4:], (s, z)]
        return z, test(z, self.curve.exactly(z)[1], self.row)

    def _straight(self, s: arb) -> list[arb]:
        return [(c + s * t).mid() for c, t in zip(self.start, self.across, strict=True)]

    def _guess(self, s: arb) -> list[arb]:
        """Interpolation through the points that are known: near a branch point a rough guess is on the other branch."""
        total = [arb(0)] * len(self.start)
        for i, (t, p) in enumerate(self.known):
            weight = arb(1)
            for j, (u, _) in enumerate(self.known):
                if j != i:
                    weight = weight * (s - u) / (t - u)
            total = [(a + weight * c).mid() for a, c in zip(total, p, strict=True)]
        return total


@dataclass(frozen=True)
class Zero:
    """A change of sign: the point, what is left of the parameter to move, and the width of the last bracket."""

    z: list[arb]
    change: float
    width: float


def sign_change(chord: Chord, test: Test) -> Zero | None:
    """Where a test function changes its sign, by regula falsi in the Illinois form, which keeps a bracket.

    None if it does not: at an end of the chord floats may be wrong about the sign.  Raises Undecided where nothing can
    be computed.
    """
    slack = arb(chord.length) / 10**6
    low, high = arb(0), arb(chord.length)
    (z_low, f_low), (z_high, f_high) = chord(low, test), chord(high, test)
    if not _opposite(f_low, f_high):
        low, high = (-slack).mid(), (high + slack).mid()
        (z_low, f_low), (z_high, f_high) = chord(low, test), chord(high, test)
        if not _opposite(f_low, f_high):
            return None
    change = arb(0) if f_high == 0 else abs(z_high[-1] - z_low[-1])
    for _ in range(200):
        if f_high == 0 or abs(high - low) < chord.length * arb(2) ** -90:
            break
        found = _evaluated(chord, test, (low - f_low * (high - low) / (f_high - f_low)).mid(), low, high)
        if found is None:
            break
        s, z, f = found
        # What the next secant step would still move.
        change = abs(f * (z[-1] - z_high[-1]) / (f - f_high)).mid() if f != f_high else abs(z[-1] - z_high[-1]).mid()
        moved = abs(s - high)
        if _opposite(f, f_high):
            low, f_low, z_low = high, f_high, z_high
        else:
            f_low = f_low / 2
        high, f_high, z_high = s, f, z
        if f == 0 or moved < chord.length * arb(2) ** -100:
            break
    return Zero(z_high, float(change), float(abs(z_high[-1] - z_low[-1])))


def _opposite(a: arb, b: arb) -> bool:
    return bool((a <= 0 and b >= 0) or (a >= 0 and b <= 0))


def _evaluated(chord: Chord, test: Test, s: arb, low: arb, high: arb) -> tuple[arb, list[arb], arb] | None:
    """The test function at s, or beside it where it cannot be computed."""
    for share in (0.0, 1e-3, -1e-3, 0.1):
        t = (s + share * (high - low)).mid()
        try:
            z, f = chord(t, test)
        except CANNOT:
            continue
        return t, z, f
    return None
