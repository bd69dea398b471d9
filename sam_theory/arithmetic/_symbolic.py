"""SymPy values: exact formulas in coordinates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import sympy as sp

from sam_theory.arithmetic._base import Arithmetic, Coordinates, HasDerivatives
from sam_theory.arithmetic._functions import ELEMENTARY


def common_factor(values: list[sp.Expr]) -> sp.Expr:
    """The product of the factors that all nonzero ``values`` visibly share."""
    nonzero = [v for v in values if v != 0]
    if not nonzero:
        return sp.S.One
    shared = [f for f in sp.Mul.make_args(nonzero[0]) if not f.is_Number]
    for v in nonzero[1:]:
        factors = sp.Mul.make_args(v)
        shared = [f for f in shared if f in factors]
    return sp.Mul(*shared)


@lru_cache(maxsize=1 << 14)
def evaluated(function: Any, *args: Any) -> Any:
    """``function(*args)`` for a comparison, Min or Max: SymPy asks long for the signs of differences, here once."""
    return function(*args)


class Symbolic(Arithmetic):
    """SymPy expressions of real symbols.

    ``nonzero`` collects the norms that were divided by: a result holds where they do not vanish.
    """

    name = "symbolic"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = ELEMENTARY

    def __init__(self) -> None:
        self.nonzero: list[sp.Expr] = []

    def number(self, value: Fraction) -> sp.Expr:
        return sp.Rational(value.numerator, value.denominator)

    def sqrt(self, a: sp.Expr) -> sp.Expr:
        return sp.sqrt(a)

    def sign(self, a: sp.Expr) -> sp.Expr:
        return sp.sign(a)

    def abs(self, a: sp.Expr) -> sp.Expr:
        return sp.Abs(a)

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        if (then, otherwise) == (a, b):
            return evaluated(sp.Min, a, b)
        if (then, otherwise) == (b, a):
            return evaluated(sp.Max, a, b)
        condition = evaluated(sp.StrictLessThan if strict else sp.LessThan, a, b)
        if condition is sp.true:
            return then
        if condition is sp.false:
            return otherwise
        if isinstance(then, Coordinates):
            pairs = zip(then, otherwise, strict=True)
            return Coordinates(sp.Piecewise((p, condition), (q, True)) for p, q in pairs)
        return sp.Piecewise((then, condition), (otherwise, True))

    def opaque(self, link: HasDerivatives, order: int, a: sp.Expr) -> sp.Expr:
        """A derivative of a link of which only the jet at 0 and the parity are known."""
        return link.function(order)(a)

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        if all(a == 0 for a in v):
            return v * sp.S.Zero
        factor = common_factor(list(v)) if eps == 0 else sp.S.One
        rest = Coordinates(sp.cancel(a / factor) if factor != 1 else a for a in v)
        if len(v) == 1 and eps == 0:
            return Coordinates([sp.sign(v[0])])
        n = self.norm(rest)
        if n != 1:
            self.nonzero.append(n)
        scale = sp.S.One if factor == 1 else sp.sign(factor)
        return rest * (scale / self.regularised(n, eps, normalisation))

    def is_zero(self, a: Any) -> bool:
        return a == 0
