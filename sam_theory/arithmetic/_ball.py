"""Arb balls: every result encloses the true value (single steps; iteration is a matter of engines)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

from flint import arb, fmpq

from sam_theory.arithmetic._base import Coordinates, Undecided
from sam_theory.arithmetic._scaled import KeepsFactors

#: balls of a larger radius are evaluated at their end points by monotone functions
_NARROW = arb(2) ** -24


def _log_cosh(a: arb) -> arb:
    if a < 1:
        half = (a / 2).sinh()
        return (2 * half * half).log1p()
    return a + (-2 * a).exp().log1p() - arb(2).log()


def _rising(f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A nondecreasing function: the hull of its values at both ends, where the ball is not narrow."""

    def function(z: arb) -> arb:
        if z.rad() < _NARROW or not z.is_finite():
            return f(z)
        return f(z.lower()).union(f(z.upper()))

    return function


def _even(f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """An even function that does not decrease on the half-line."""
    return lambda z: _rising(f)(_modulus(z))


def _modulus(z: arb) -> arb:
    if z.rad() < _NARROW and not z.contains(0):
        return abs(z)
    return z.abs_lower().union(z.abs_upper()).nonnegative_part() if z.is_finite() else abs(z)


class Ball(KeepsFactors):
    """Arb balls at FLINT's current precision."""

    name = "ball"
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "exp": _rising(lambda z: z.exp()),
        "log": _rising(lambda z: z.log()),
        "sin": lambda z: z.sin(),
        "cos": lambda z: z.cos(),
        "tan": lambda z: z.tan(),
        "atan": _rising(lambda z: z.atan()),
        "sinh": _rising(lambda z: z.sinh()),
        "cosh": _even(lambda z: z.cosh()),
        "tanh": _rising(lambda z: z.tanh()),
        "log_cosh": _even(_log_cosh),
        "sqrt1p": _even(lambda z: (1 + z**2).sqrt()),
        "sqrt1p_slope": _rising(lambda z: z / (1 + z**2).sqrt()),
    }

    def number(self, value: Fraction) -> arb:
        return arb(fmpq(value.numerator, value.denominator))

    def ipow(self, a: arb, exponent: int) -> arb:
        if exponent > 0 and exponent % 2 == 0:
            return _rising(lambda z: z**exponent)(_modulus(a)).nonnegative_part()
        if exponent <= 0:
            return a**exponent
        if a.contains(0) and a.is_finite():  # FLINT's power of such a ball is not a number
            return (a.lower() ** exponent).union(a.upper() ** exponent)
        return _rising(lambda z: z**exponent)(a)

    def power(self, a: arb, exponent: arb) -> arb:
        n = exponent.unique_fmpz() if exponent.is_exact() else None
        return a**exponent if n is None else self.ipow(a, int(n))

    def sqrt(self, a: arb) -> arb:
        return _rising(lambda z: z.sqrt())(a)

    def abs(self, a: arb) -> arb:
        return _modulus(a)

    def hull(self, a: arb, b: arb) -> arb:
        return a.union(b)

    def sign(self, a: arb) -> arb:
        if a > 0:
            return arb(1)
        if a < 0:
            return arb(-1)
        if a == 0:
            return arb(0)
        raise Undecided(f"the sign of {a} is not determined; split the region or raise the precision")

    def select(self, a: arb, b: arb, then: Any, otherwise: Any, strict: bool) -> Any:
        if a < b if strict else a <= b:
            return then
        if a >= b if strict else a > b:
            return otherwise
        if then is a and otherwise is b:
            return a.min(b)
        if then is b and otherwise is a:
            return a.max(b)
        raise Undecided(f"{a} and {b} overlap; split the region or raise the precision")

    def norm(self, v: Any) -> arb:
        if len(v) == 1:
            return self.abs(v[0])
        return self.sqrt(sum((self.ipow(a, 2) for a in v), arb(0)).nonnegative_part()).nonnegative_part()

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        if len(v) == 1 and self.is_zero(eps):
            return Coordinates([self.sign(v[0])])
        simpler = self.unfactored_unit(v, eps)
        if simpler is not None:
            return simpler
        n = self.norm(v)
        if n.contains(0) and not self.is_zero(n) and self.is_zero(eps):
            raise Undecided(f"the norm {n} may be 0; split the region or raise the precision")
        return super().unit(v, eps, normalisation)
