"""Arb balls: every result encloses the true value (single steps; iteration is a matter of engines)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

from flint import arb, fmpq

from sam_theory.arithmetic._base import Arithmetic, Undecided


def _log_cosh(z: arb) -> arb:
    a = abs(z)
    if a < 1:
        half = (a / 2).sinh()
        return (2 * half * half).log1p()
    return a + (-2 * a).exp().log1p() - arb(2).log()


class Ball(Arithmetic):
    """Arb balls at FLINT's current precision."""

    name = "ball"
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "exp": lambda z: z.exp(),
        "log": lambda z: z.log(),
        "sin": lambda z: z.sin(),
        "cos": lambda z: z.cos(),
        "tan": lambda z: z.tan(),
        "atan": lambda z: z.atan(),
        "sinh": lambda z: z.sinh(),
        "cosh": lambda z: z.cosh(),
        "tanh": lambda z: z.tanh(),
        "log_cosh": _log_cosh,
        "sqrt1p": lambda z: (1 + z**2).sqrt(),
        "sqrt1p_slope": lambda z: z / (1 + z**2).sqrt(),
    }

    def number(self, value: Fraction) -> arb:
        return arb(fmpq(value.numerator, value.denominator))

    def sqrt(self, a: arb) -> arb:
        return a.sqrt()

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
        raise Undecided(f"{a} and {b} overlap; split the region or raise the precision")

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        n = self.norm(v)
        if n.contains(0) and not self.is_zero(n):
            raise Undecided(f"the norm {n} may be 0; split the region or raise the precision")
        return super().unit(v, eps, normalisation)
