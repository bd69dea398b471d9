"""z3 reals: quotients and roots become fresh unknowns with their defining equations."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from sam_theory.arithmetic._base import Arithmetic, Coordinates, HasDerivatives


class Smt(Arithmetic):
    """z3 terms of one context.

    ``conditions`` collects the defining equations of the fresh unknowns; every query must assert them.
    ``defined`` collects what must hold for the terms to mean anything (nonzero denominators, nonnegative
    radicands); a caller proves these separately.
    """

    name = "smt"
    exact = True

    def __init__(self, context: Any = None) -> None:
        import z3  # where it is used: simulations need none of it, and it takes as long as NumPy

        self._z3: Any = z3
        self.context = context if context is not None else z3.Context()
        self.conditions: list[Any] = []
        self.defined: list[Any] = []
        self._fresh: dict[tuple[str, Any], Any] = {}
        self._numbers: dict[Fraction, Any] = {}

    def variable(self, name: str) -> Any:
        """The real unknown called ``name``."""
        return self._z3.Real(name, self.context)

    def _unknown(self, kind: str, key: tuple[Any, ...]) -> tuple[Any, bool]:
        place = (kind, tuple(k.get_id() if hasattr(k, "get_id") else k for k in key))
        known = self._fresh.get(place)
        if known is not None:
            return known, False
        fresh = self._z3.Real(f"{kind}!{len(self._fresh)}", self.context)
        self._fresh[place] = fresh
        return fresh, True

    def number(self, value: Fraction) -> Any:
        known = self._numbers.get(value)
        if known is None:
            known = self._numbers[value] = self._z3.RealVal(str(value), self.context)
        return known

    def div(self, a: Any, b: Any) -> Any:
        if self._z3.is_rational_value(b):
            return a * self.number(1 / Fraction(b.numerator_as_long(), b.denominator_as_long()))
        inverse, new = self._unknown("inverse", (b,))
        if new:
            self.conditions.append(inverse * b == 1)
            self.defined.append(b != 0)
        return a * inverse

    def ipow(self, a: Any, exponent: int) -> Any:
        if exponent == 0:
            return self.number(Fraction(1))
        result = a
        for _ in range(abs(exponent) - 1):
            result = result * a
        return result if exponent > 0 else self.div(self.number(Fraction(1)), result)

    def power(self, a: Any, exponent: Any) -> Any:
        function = self._z3.Function("power", *(self._z3.RealSort(self.context),) * 3)
        return function(a, exponent)

    def sqrt(self, a: Any) -> Any:
        root, new = self._unknown("root", (a,))
        if new:
            self.conditions += [root >= 0, root * root == a]
            self.defined.append(a >= 0)
        return root

    def sign(self, a: Any) -> Any:
        one = self.number(Fraction(1))
        return self._z3.If(a > 0, one, self._z3.If(a < 0, -one, self.number(Fraction(0))))

    def abs(self, a: Any) -> Any:
        return self._z3.If(a >= 0, a, -a)

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        condition = a < b if strict else a <= b
        if isinstance(then, Coordinates):
            return Coordinates(self._z3.If(condition, p, q) for p, q in zip(then, otherwise, strict=True))
        return self._z3.If(condition, then, otherwise)

    def call(self, function: str | HasDerivatives, order: int, a: Any) -> Any:
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        return self.uninterpreted(function, a)

    def uninterpreted(self, name: str, a: Any) -> Any:
        """A function of which only congruence is known: what holds for it holds for any function."""
        return self._z3.Function(name, self._z3.RealSort(self.context), self._z3.RealSort(self.context))(a)

    def opaque(self, link: HasDerivatives, order: int, a: Any) -> Any:
        """A derivative of an opaque link."""
        return self.uninterpreted(f"{link.name}^({order})", a)

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        n = self.norm(v)
        if len(v) == 1 and self.is_zero(eps):
            return Coordinates([self.sign(v[0])])
        scale, new = self._unknown("scale", (n, normalisation, *(() if self.is_zero(eps) else (eps,))))
        if new:
            denominator = self.regularised(n, eps, normalisation)
            zero = self.number(Fraction(0))
            self.conditions.append(self._z3.If(n == 0, scale == zero, scale * denominator == 1))
        return v * scale

    def is_zero(self, a: Any) -> bool:
        return bool(self._z3.is_rational_value(a) and a.numerator_as_long() == 0)
