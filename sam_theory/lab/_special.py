r"""Special points of a branch: where a multiplier crosses the unit circle or the branch turns, and what happens there.

Each is a zero of a test function along the branch, found with 212 binary digits and exact derivatives.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb
from scipy.optimize import brentq

from sam_theory.arithmetic import Undecided
from sam_theory.lab._at import FloatArray
from sam_theory.lab._coefficients import Forms, flip, fold, neimark_sacker, pitchfork
from sam_theory.lab._curve import CANNOT, Curve, precise
from sam_theory.lab._zeros import TESTS, Chord, sign_change

__all__ = ["SpecialPoint", "locate", "locate_several", "outside"]

#: A special point whose test function does not come this close to 0 is a jump.
_VANISHES = 1e-6
_JUMPS = {
    "flip": "a multiplier jumps across -1 at a kink",
    "fold": "the branch turns at a kink",
    "branch": "a multiplier jumps across 1 at a kink",
    "Neimark-Sacker": "a product of two multipliers jumps across 1 at a kink",
}


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


def locate(curve: Curve, a: FloatArray, b: FloatArray, scale: FloatArray, test: str, index: int) -> SpecialPoint | None:
    """The special point between two neighbours on a branch at which ``test`` changes its sign, if it does."""
    with precise():
        try:
            found = sign_change(Chord(curve, a, b, scale), TESTS[test])
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
    if kind == "jump":
        detail = "multipliers jump at a kink"
    else:
        detail = f"{count} multipliers reach the unit circle together" if count > 1 else "in floats"
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
        "jump", float(middle[-1]), points, nothing, None, "-", apart, index, f"{_JUMPS[test]}, somewhere in this step"
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
    kind, coefficient, form, detail, directions = "jump", None, "-", _JUMPS[test], None
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
    if coefficient is not None and not np.isfinite(coefficient):
        coefficient, form = None, "-"
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
