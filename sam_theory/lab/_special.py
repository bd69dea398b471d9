r"""Special points of a branch: where a multiplier crosses the unit circle or the branch turns, with many digits.

Each has a test function that changes its sign along the branch: :math:`\det(A+I)` for a flip, the parameter's share of
the tangent for a fold, the determinant of the bordered derivative for a branch point, :math:`\det(A^{(2)}-I)` with the
second compound matrix (its eigenvalues are products of two multipliers) for a Neimark-Sacker point.  Its zero along the
chord is found with 212 binary digits and exact derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, arb_mat
from scipy.optimize import brentq

from sam_theory.arithmetic import Undecided
from sam_theory.lab._at import FloatArray
from sam_theory.lab._coefficients import Forms, flip, fold, neimark_sacker, pitchfork
from sam_theory.lab._curve import CANNOT, Curve, precise

__all__ = ["SpecialPoint", "compound", "locate", "locate_several", "outside", "tests_at"]

#: A special point whose test function does not come this close to 0 is a jump.
_VANISHES = 1e-6
Matrix = list[list[arb]]
Test = Callable[[list[arb], Matrix, list[arb]], arb]


@dataclass(frozen=True)
class SpecialPoint:
    """A point of a branch at which orbits appear, vanish or change their stability.

    Parameters
    ----------
    kind : str
        ``flip``, ``fold``, ``pitchfork``, ``transcritical``, ``branch point`` (degenerate), ``Neimark-Sacker``,
        ``period halving`` (the branch meets orbits of a smaller period), or ``jump``: a test function changes its sign
        without a zero, because the map has a kink.
    parameter : float
    points : ndarray, shape (period, d)
        The orbit there.
    multipliers : ndarray of complex, shape (d,)
        By falling modulus; empty where they do not exist.
    coefficient : float or None
        Of the normal form, the eigenvector of length 1; None where the map lacks the derivatives or the multiplier is
        not simple.
    type : str
        ``supercritical`` (what branches off is stable along the centre direction), ``subcritical``, ``degenerate``;
        for a fold ``opens below`` or ``opens above``: where the parameter has two orbits; or ``-``.
    uncertainty : float
        How far the parameter moved in the last step of its location, at least one rounding error.
    index : int
        It lies between this point of the branch and the next.
    detail : str
        What else is to be said.
    """

    kind: str
    parameter: float
    points: FloatArray
    multipliers: npt.NDArray[np.complex128]
    coefficient: float | None
    type: str
    uncertainty: float
    index: int
    detail: str = ""
    directions: FloatArray | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": self.kind,
            "parameter": self.parameter,
            "points": self.points.tolist(),
            "multipliers": [[float(m.real), float(m.imag)] for m in self.multipliers],
            "coefficient": self.coefficient,
            "type": self.type,
            "uncertainty": self.uncertainty,
            "index": self.index,
            "detail": self.detail,
            "directions": None if self.directions is None else self.directions.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SpecialPoint:
        """From what :meth:`to_json` gave."""
        values = dict(data)
        values["points"] = np.array(values["points"], dtype=float)
        values["multipliers"] = np.array([complex(*m) for m in values["multipliers"]], dtype=complex)
        if values["directions"] is not None:
            values["directions"] = np.array(values["directions"], dtype=float)
        return cls(**values)


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


_TESTS: dict[str, Test] = {
    "flip": lambda z, slopes, row: _det(_plus(slopes, 2)),
    "fold": _fold_test,
    "branch": lambda z, slopes, row: _det([*slopes, row]),
    "Neimark-Sacker": _circle_test,
}


class _Chord:
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
class _Zero:
    """A change of sign: the point, what is left of the parameter to move, and the width of the last bracket."""

    z: list[arb]
    change: float
    width: float


def _zero(chord: _Chord, test: Test) -> _Zero | None:
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
    change = abs(z_high[-1] - z_low[-1])
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
    return _Zero(z_high, float(change), float(abs(z_high[-1] - z_low[-1])))


def _opposite(a: arb, b: arb) -> bool:
    return bool((a <= 0 and b >= 0) or (a >= 0 and b <= 0))


def _evaluated(chord: _Chord, test: Test, s: arb, low: arb, high: arb) -> tuple[arb, list[arb], arb] | None:
    """The test function at s, or beside it where it cannot be computed."""
    for share in (0.0, 1e-3, -1e-3, 0.1):
        t = (s + share * (high - low)).mid()
        try:
            z, f = chord(t, test)
        except CANNOT:
            continue
        return t, z, f
    return None


def locate(curve: Curve, a: FloatArray, b: FloatArray, scale: FloatArray, test: str, index: int) -> SpecialPoint | None:
    """The special point between two neighbours on a branch at which ``test`` changes its sign, if it does."""
    with precise():
        try:
            found = _zero(_Chord(curve, a, b, scale), _TESTS[test])
        except CANNOT:
            return _unlocated(curve, a, b, test, index)
        if found is None:
            return None
        near = np.array([float(c) for c in found.z])
        near[np.abs(near) < 1e-25 * scale] = 0.0
        rounding = float(np.spacing(max(abs(near[-1]), 1e-25 * scale[-1])))
        point = _described(curve, found.z, near, test, max(found.change, rounding), index, scale)
        return replace(point, uncertainty=max(found.width, rounding)) if point.kind == "jump" else point


def locate_several(
    curve: Curve, a: FloatArray, b: FloatArray, scale: FloatArray, rank: int, index: int
) -> SpecialPoint | None:
    """Where the modulus number ``rank`` (from 0, falling) of the multipliers is 1, for several that reach it together.

    In floats: determinants have a double zero there.  None where nothing is found.
    """
    across = (b - a) / scale
    row = across / np.linalg.norm(across)

    def at(share: float) -> tuple[FloatArray, FloatArray]:
        found = curve.corrected(a + share * (b - a), row, scale)
        linear = None if found is None else curve.linearised(found[0])
        if found is None or linear is None:
            raise Undecided("the branch cannot be followed")
        return found[0], linear[1]

    def excess(share: float) -> float:
        return float(np.abs(_multipliers(at(share)[1])[rank])) - 1.0

    try:
        share = float(brentq(excess, 0.0, 1.0, xtol=1e-15, rtol=1e-15))
        z, slope = at(share)
    except CANNOT:
        return None
    multipliers = _multipliers(slope)
    critical = complex(multipliers[rank])
    count = int((np.abs(np.abs(multipliers) - 1) < _VANISHES).sum())
    real = abs(critical.imag) < _VANISHES
    kind = "flip" if real and critical.real < 0 else "branch point" if real else "Neimark-Sacker"
    if abs(abs(critical) - 1) > _VANISHES:
        kind = "jump"
    points = curve.steps(z, curve.period)
    if points is None:
        return None
    uncertainty = 1e-14 * (abs(float(z[-1])) + abs(float(b[-1] - a[-1])))
    detail = f"{count} multipliers reach the unit circle together" if kind != "jump" else "multipliers jump at a kink"
    return SpecialPoint(kind, float(z[-1]), points, multipliers, None, "-", uncertainty, index, detail)


def _multipliers(slope: FloatArray) -> npt.NDArray[np.complex128]:
    d = len(slope)
    found = np.linalg.eigvals(slope[:, :d] + np.eye(d)).astype(complex)
    return found[np.lexsort((-found.imag, -np.abs(found)))]


def _unlocated(curve: Curve, a: FloatArray, b: FloatArray, test: str, index: int) -> SpecialPoint:
    """Where nothing can be computed between two points: the middle, with half the distance as its uncertainty."""
    middle = (a + b) / 2
    orbit = curve.steps(middle, curve.period)
    points = np.tile(middle[:-1], (curve.period, 1)) if orbit is None else orbit
    nothing = np.zeros(0, dtype=complex)
    apart = abs(float(b[-1] - a[-1])) / 2
    return SpecialPoint(
        "jump", float(middle[-1]), points, nothing, None, "-", apart, index, f"{test}: the map has a kink in between"
    )


def outside(slope: FloatArray) -> int:
    """The number of multipliers outside of the unit circle."""
    return int((np.abs(_multipliers(slope)) > 1 + 1e-9).sum())


def _described(
    curve: Curve, z: list[arb], near: FloatArray, test: str, uncertainty: float, index: int, scale: FloatArray
) -> SpecialPoint:
    """What a located point is: its normal form."""
    slopes = np.array([[float(s) for s in row] for row in curve.exactly(z)[1]])
    d = len(slopes)
    multipliers = _multipliers(slopes)
    points = curve.steps(near, curve.period)
    assert points is not None
    forms = Forms(slopes[:, :d] + np.eye(d), lambda u: _pure(curve, z, u))
    kind, coefficient, form, detail, directions = "jump", None, "-", f"{test}: a multiplier jumps at a kink", None
    try:
        match test:
            case "flip" if np.abs(multipliers + 1).min() < _VANISHES:
                kind, detail = "flip", ""
                directions = np.append(_kernel(slopes[:, :d] + 2 * np.eye(d))[0], 0.0)[None, :]
                coefficient, form, detail = _flip_form(curve, z, forms)
            case "fold" | "branch" if np.abs(multipliers - 1).min() < _VANISHES:
                kernel = _kernel(slopes * scale)
                if test == "branch":
                    directions = kernel[:2] * scale
                    kind, coefficient, form, detail = _branch_form(forms)
                else:
                    kind, coefficient, form, detail = _fold_form(forms, slopes[:, d])
            case "Neimark-Sacker":
                pairs = [m for m in multipliers if m.imag > 1e-9 and abs(abs(m) - 1) < _VANISHES]
                kind, detail = ("neutral saddle", "") if not pairs else ("Neimark-Sacker", "")
                if pairs:
                    number = neimark_sacker(forms, complex(pairs[0]))
                    detail = f"angle {float(np.angle(pairs[0])):.10g}"
                    if number is None:
                        detail += ", strong resonance or further critical multiplier"
                    else:
                        coefficient, form = number.value, _critical(number.value, number.zero, number.value < 0)
    except CANNOT:
        detail = "the map lacks the derivatives of a normal form"
    return SpecialPoint(
        kind, float(near[-1]), points, multipliers, coefficient, form, uncertainty, index, detail, directions
    )


def _kernel(matrix: FloatArray) -> FloatArray:
    """Right singular vectors by rising singular value, a row each."""
    return np.linalg.svd(matrix)[2][::-1]


def _pure(curve: Curve, z: list[arb], u: FloatArray) -> tuple[FloatArray, FloatArray]:
    with precise():
        rows = curve.along(z, [arb(float(c)) for c in u], 4)
    return np.array([2 * float(r[2]) for r in rows]), np.array([6 * float(r[3]) for r in rows])


def _critical(value: float, zero: bool, stable: bool) -> str:
    return "degenerate" if zero else "supercritical" if stable else "subcritical"


def _flip_form(curve: Curve, z: list[arb], forms: Forms) -> tuple[float | None, str, str]:
    try:
        number = flip(forms)
    except CANNOT:
        if len(forms.matrix) > 1:
            raise
        # ξ ↦ −ξ + b±ξ² on the two sides: the second image is ξ + (b₋ − b₊)ξ|ξ|.
        up = curve.along(z, [arb(1)], 3, True)[0][2]
        down = curve.along(z, [arb(-1)], 3, True)[0][2]
        slope = float(up - down) / 2
        kinked = "the map has a kink in its second derivative: coefficient of ξ|ξ|"
        return slope, _critical(slope, slope == 0.0, slope > 0), kinked
    if number is None:
        return None, "-", "the multiplier −1 is not simple, or +1 is one too"
    return number.value, _critical(number.value, number.zero, number.value > 0), ""


def _fold_form(forms: Forms, along: FloatArray) -> tuple[str, float | None, str, str]:
    found = fold(forms)
    if found is None:
        return "fold", None, "-", "the multiplier +1 is not simple"
    number, _, p = found
    push = float(np.vdot(p, along.astype(complex)).real)
    if number.zero or push == 0.0:
        return "fold", number.value, "degenerate", ""
    # 0 = push·(p − p*) + b ξ²
    return "fold", number.value, "opens below" if number.value * push > 0 else "opens above", ""


def _branch_form(forms: Forms) -> tuple[str, float | None, str, str]:
    found = fold(forms)
    if found is None:
        return "branch point", None, "-", "the multiplier +1 is not simple"
    number = found[0]
    if not number.zero and abs(number.value) > 1e-9:
        return "transcritical", number.value, "-", ""
    cubic = pitchfork(forms)
    if cubic is None:
        return "branch point", None, "-", "the multiplier +1 is not simple"
    return "pitchfork", cubic.value, _critical(cubic.value, cubic.zero, cubic.value < 0), ""
