r"""Coefficients of normal forms on centre manifolds of maps, from derivatives of the return map up to the third order.

With :math:`A=DF^k`, the symmetric forms :math:`B=D^2F^k`, :math:`C=D^3F^k`, :math:`Aq=\mu q`, :math:`A^Tp=\bar\mu p`,
:math:`\langle p,q\rangle=1`, :math:`|q|=1` (Kuznetsov, Elements of Applied Bifurcation Theory, sections 4.3 to 4.7
and 5.4):

* fold, :math:`\xi\mapsto\xi+b\xi^2`: :math:`b=\tfrac12\langle p,B(q,q)\rangle`;
* pitchfork, :math:`\xi\mapsto\xi+c\xi^3`:
  :math:`c=\tfrac16\langle p,C(q,q,q)\rangle-\tfrac12\langle p,B(q,h)\rangle`, :math:`(A-I)h=B(q,q)`,
  :math:`\langle p,h\rangle=0`;
* flip, :math:`\xi\mapsto-\xi+c\xi^3`:
  :math:`c=\tfrac16\langle p,C(q,q,q)\rangle+\tfrac12\langle p,B(q,(I-A)^{-1}B(q,q))\rangle`;
* Neimark-Sacker, :math:`\zeta\mapsto e^{i\theta}\zeta(1+d|\zeta|^2)`:
  :math:`\mathrm{Re}\,d=\tfrac12\mathrm{Re}\,e^{-i\theta}[\langle p,C(q,q,\bar q)\rangle
  +2\langle p,B(q,(I-A)^{-1}B(q,\bar q))\rangle+\langle p,B(\bar q,(e^{2i\theta}I-A)^{-1}B(q,q))\rangle]`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.lab._at import FloatArray

__all__ = ["Forms", "Number", "flip", "fold", "neimark_sacker", "pitchfork"]

Vector = npt.NDArray[Any]
#: D²F[u, u] and D³F[u, u, u] in a real direction u.
Pure = Callable[[FloatArray], tuple[FloatArray, FloatArray]]


@dataclass(frozen=True)
class Number:
    """A coefficient, and the sum of the moduli of its terms: what it is small against."""

    value: float
    size: float

    @property
    def zero(self) -> bool:
        """Whether it vanishes up to rounding."""
        return abs(self.value) <= 1e-9 * self.size or self.size < 1e-12


class Forms:
    """The forms B and C of complex arguments, from their values in real directions by polarisation."""

    def __init__(self, matrix: FloatArray, pure: Pure) -> None:
        self.matrix = matrix
        self._pure = pure
        self._known: dict[bytes, tuple[FloatArray, FloatArray]] = {}

    def _at(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        length = float(np.linalg.norm(u))
        if length == 0.0:
            return np.zeros_like(u), np.zeros_like(u)
        key = (u / length).tobytes()
        if key not in self._known:
            self._known[key] = self._pure(u / length)
        b, c = self._known[key]
        return b * length**2, c * length**3

    def _b(self, u: FloatArray, v: FloatArray) -> FloatArray:
        return (self._at(u + v)[0] - self._at(u - v)[0]) / 4

    def _c(self, u: FloatArray, v: FloatArray, w: FloatArray) -> FloatArray:
        total = self._at(u + v + w)[1] - self._at(u + v - w)[1] - self._at(u - v + w)[1] - self._at(-u + v + w)[1]
        return total / 24

    def b(self, u: Vector, v: Vector) -> Vector:
        """B(u, v)."""
        real = self._b(u.real, v.real) - self._b(u.imag, v.imag)
        return real + 1j * (self._b(u.real, v.imag) + self._b(u.imag, v.real))

    def c(self, u: Vector, v: Vector, w: Vector) -> Vector:
        """C(u, v, w)."""
        total = np.zeros(len(u), dtype=complex)
        for i, x in enumerate((u.real, u.imag)):
            for j, y in enumerate((v.real, v.imag)):
                for k, z in enumerate((w.real, w.imag)):
                    total = total + 1j ** (i + j + k) * self._c(x, y, z)
        return total


def _inner(p: Vector, v: Vector) -> complex:
    """⟨p, v⟩, conjugate in p."""
    return complex(np.vdot(p, v))


def _vectors(matrix: FloatArray, mu: complex) -> tuple[Vector, Vector, float]:
    """q and p of an eigenvalue, and how far it is from being a double one."""
    shifted = matrix.astype(complex) - mu * np.eye(len(matrix))
    left, values, right = np.linalg.svd(shifted)
    q, p = right[-1].conj(), left[:, -1]
    gap = float(values[-2]) if len(values) > 1 else 1.0
    overlap = _inner(p, q)
    if abs(mu.imag) < 1e-12:  # a real direction: |q| = 1 up to the sign
        turn = q[np.argmax(np.abs(q))]
        q = q * (abs(turn) / turn)
        overlap = _inner(p, q)
    if abs(overlap) < 1e-8:
        return q, p, 0.0
    return q, p / np.conj(overlap), gap


def _total(terms: list[complex]) -> Number:
    return Number(float(sum(terms).real), float(sum(abs(t) for t in terms)))


def fold(forms: Forms) -> tuple[Number, Vector, Vector] | None:
    """b with q and p; None for a multiplier +1 that is not simple."""
    q, p, gap = _vectors(forms.matrix, 1.0 + 0.0j)
    if gap < 1e-8:
        return None
    square = forms.b(q, q)
    return Number(float(_inner(p, square).real) / 2, float(np.linalg.norm(p) * np.linalg.norm(square)) / 2), q, p


def pitchfork(forms: Forms) -> Number | None:
    """c at a multiplier +1; None if that is not simple."""
    q, p, gap = _vectors(forms.matrix, 1.0 + 0.0j)
    if gap < 1e-8:
        return None
    d = len(q)
    square = forms.b(q, q)
    square = square - _inner(p, square) * q
    bordered = np.block([[forms.matrix - np.eye(d), q[:, None]], [p.conj()[None, :], np.zeros((1, 1))]])
    h = np.linalg.solve(bordered, np.append(square, 0.0))[:d]
    return _total([_inner(p, forms.c(q, q, q)) / 6, -_inner(p, forms.b(q, h)) / 2])


def flip(forms: Forms) -> Number | None:
    """c at a multiplier −1; None if that is not simple, or +1 is a multiplier too."""
    q, p, gap = _vectors(forms.matrix, -1.0 + 0.0j)
    rest = np.eye(len(q)) - forms.matrix
    if gap < 1e-8 or np.linalg.svd(rest, compute_uv=False)[-1] < 1e-8:
        return None
    h = np.linalg.solve(rest, forms.b(q, q))
    return _total([_inner(p, forms.c(q, q, q)) / 6, _inner(p, forms.b(q, h)) / 2])


def neimark_sacker(forms: Forms, mu: complex) -> Number | None:
    """Re d at the multipliers μ and its conjugate; None at a strong resonance μ^k = 1, k ≤ 4, or where +1 is one."""
    mu = mu / abs(mu)
    if any(abs(mu**k - 1) < 1e-6 for k in (1, 2, 3, 4)):
        return None
    q, p, gap = _vectors(forms.matrix, mu)
    one = np.eye(len(q))
    if gap < 1e-8 or np.linalg.svd(one - forms.matrix, compute_uv=False)[-1] < 1e-8:
        return None
    mean = np.linalg.solve(one - forms.matrix, forms.b(q, q.conj()))
    double = np.linalg.solve(mu**2 * one - forms.matrix, forms.b(q, q))
    terms = [
        _inner(p, forms.c(q, q, q.conj())),
        2 * _inner(p, forms.b(q, mean)),
        _inner(p, forms.b(q.conj(), double)),
    ]
    return _total([t / mu / 2 for t in terms])
