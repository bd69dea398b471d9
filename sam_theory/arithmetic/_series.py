r"""Truncated power series in a small parameter: what one step does near a manifold of minima.

A value is :math:`\epsilon^v(c_0+c_1\epsilon+\dots)+O(\epsilon^p)` with exact coefficients.  Each operation asks an
oracle for the sign of a leading coefficient where its meaning depends on it (a root, a sign, a quotient), so that a
result holds for all parameters that the oracle speaks of, and every value is :math:`\epsilon^v` times a smooth
function of parameters and :math:`\epsilon`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, ClassVar

import sympy as sp

from sam_theory.arithmetic._base import Arithmetic, Coordinates, HasDerivatives, NotExact, Undecided
from sam_theory.arithmetic._factor import factored
from sam_theory.arithmetic._functions import ELEMENTARY

#: The sign of an expression, 1 or −1, for all admitted parameters; None where it is not known.
Oracle = Callable[[sp.Expr], "int | None"]
_T = sp.Symbol("t!", real=True)


class Expansion:
    """ε^v (c₀ + c₁ε + …) with c₀ ≠ 0; ``precision`` p says + O(ε^p), None that nothing was left out."""

    __slots__ = ("coefficients", "field", "order", "precision")

    def __init__(self, field: Series, order: int, coefficients: Sequence[sp.Expr], precision: int | None) -> None:
        if precision is not None:
            coefficients = coefficients[: max(precision - order, 0)]
        known = [tidy(c) for c in coefficients]
        while known and known[0] == 0:
            known.pop(0)
            order += 1
        end = order + field.terms if known else precision
        if precision is not None and end is not None:
            end = min(end, precision)
        if known and end is not None:
            if precision is None and len(known) <= end - order:
                end = None  # all of it is kept
            else:
                known = known[: end - order]
        self.field, self.coefficients, self.precision = field, tuple(known), end
        self.order = order if known else (0 if end is None else end)

    @property
    def exact(self) -> bool:
        """Whether nothing was left out."""
        return self.precision is None

    def coefficient(self, power: int) -> sp.Expr:
        """The coefficient of ε^power.  Raises Undecided beyond the precision."""
        if self.precision is not None and power >= self.precision:
            raise Undecided(f"the series is known to O(ε^{self.precision}) only")
        i = power - self.order
        return self.coefficients[i] if 0 <= i < len(self.coefficients) else sp.S.Zero

    @property
    def leading(self) -> sp.Expr:
        """c₀.  Raises Undecided where every known coefficient vanishes."""
        if not self.coefficients:
            raise Undecided("every known coefficient vanishes")
        return self.coefficients[0]

    def _lift(self, other: Any) -> Expansion:
        return other if isinstance(other, Expansion) else Expansion(self.field, 0, [sp.sympify(other)], None)

    def __add__(self, other: Any) -> Any:
        b = self._lift(other)
        low = min(self.order, b.order)
        ends = [p for p in (self.precision, b.precision) if p is not None]
        top = max(self.order + len(self.coefficients), b.order + len(b.coefficients))
        top = min([top, *ends])
        total = [self.coefficient(k) + b.coefficient(k) for k in range(low, top)]
        return Expansion(self.field, low, total, min(ends) if ends else None)

    __radd__ = __add__

    def __neg__(self) -> Expansion:
        return Expansion(self.field, self.order, [-c for c in self.coefficients], self.precision)

    def __sub__(self, other: Any) -> Any:
        return self + (-self._lift(other))

    def __rsub__(self, other: Any) -> Any:
        return self._lift(other) - self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return other * self
        b = self._lift(other)
        if (self.exact and not self.coefficients) or (b.exact and not b.coefficients):
            return Expansion(self.field, 0, [], None)
        ends = [x.precision + y.order for x, y in ((self, b), (b, self)) if x.precision is not None]
        size = len(self.coefficients) + len(b.coefficients) - 1
        limit = min([size, self.field.terms + 1, *(e - self.order - b.order for e in ends)])
        total = [
            sp.Add(*(self.coefficients[i] * b.coefficients[k - i] for i in range(k + 1) if _both(self, b, i, k - i)))
            for k in range(max(limit, 0))
        ]
        if size > self.field.terms:
            ends.append(self.order + b.order + self.field.terms)
        return Expansion(self.field, self.order + b.order, total, min(ends) if ends else None)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return self * self._lift(other).power(sp.S.NegativeOne)

    def __rtruediv__(self, other: Any) -> Any:
        return self._lift(other) / self

    def __pow__(self, exponent: int) -> Any:
        return self.power(sp.Integer(exponent))

    def power(self, exponent: sp.Rational) -> Expansion:
        """The value to an integer or half-integer power."""
        if exponent == 0:
            return self._lift(1)
        if exponent.is_Integer and exponent > 0:
            result = self
            for _ in range(int(exponent) - 1):
                result = result * self
            return result
        if not self.coefficients and self.exact and exponent > 0:
            return self
        c, sign = self.leading, self.field.sign_of(self.leading)
        if sign is None or (not exponent.is_Integer and sign < 0):
            raise Undecided(f"the hypotheses do not give {c} the sign that is needed")
        order = self.order * exponent
        if not order.is_Integer:
            raise NotExact("a root of an odd power of the small parameter")
        rest = self.over_leading() - 1
        head = self.field.root_of(c) ** (2 * exponent) if not exponent.is_Integer else c**exponent
        total = self.field.compose(lambda k: sp.binomial(exponent, k), rest)
        return total.shifted(int(order), head)

    def over_leading(self) -> Expansion:
        """1 + (c₁/c₀)ε + …"""
        end = None if self.precision is None else self.precision - self.order
        return Expansion(self.field, 0, [c / self.leading for c in self.coefficients], end)

    def shifted(self, order: int, factor: sp.Expr) -> Expansion:
        """The value times ``factor`` ε^order, for a factor that does not vanish."""
        end = None if self.precision is None else self.precision + order
        return Expansion(self.field, self.order + order, [factor * c for c in self.coefficients], end)

    def __repr__(self) -> str:
        terms = [f"({c})*eps^{self.order + i}" for i, c in enumerate(self.coefficients)] or ["0"]
        return " + ".join(terms) + ("" if self.exact else f" + O(eps^{self.precision})")


def _both(a: Expansion, b: Expansion, i: int, j: int) -> bool:
    return i < len(a.coefficients) and j < len(b.coefficients)


@lru_cache(maxsize=1 << 14)
def tidy(e: sp.Expr) -> sp.Expr:
    """A normal form: a reduced fraction of factors, 0 where it vanishes as a rational function."""
    return e if e.is_Number or e.is_Symbol else factored(e)


class Series(Arithmetic):
    """Series in ``small`` with ``terms`` coefficients behind the leading power."""

    name = "series"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, small: sp.Symbol, terms: int, oracle: Oracle) -> None:
        self.small, self.terms, self.oracle = small, terms, oracle

    def number(self, value: Fraction) -> Expansion:
        return self.constant(sp.Rational(value.numerator, value.denominator))

    def constant(self, e: Any) -> Expansion:
        """An expression that does not depend on the small parameter, or the small parameter itself."""
        e = sp.sympify(e)
        if e == self.small:
            return Expansion(self, 1, [sp.S.One], None)
        if e.has(self.small):
            raise NotExact(f"{e} is not lowered to operations")
        return Expansion(self, 0, [e], None)

    def sign_of(self, e: sp.Expr) -> int | None:
        """The sign of a coefficient: that of its factors."""
        total = 1
        for factor in sp.Mul.make_args(factored(e)):
            base, exponent = factor.as_base_exp()
            sign = 1 if base.is_positive else -1 if base.is_negative else self.oracle(base)
            if sign is None:
                return None
            total *= sign if exponent.is_Integer and exponent % 2 else 1
            if sign < 0 and not exponent.is_Integer:
                return None
        return total

    def root_of(self, e: sp.Expr) -> sp.Expr:
        """√e for a positive coefficient, squares taken out with their sign."""
        outside, inside = sp.S.One, sp.S.One
        for factor in sp.Mul.make_args(factored(e)):
            base, exponent = factor.as_base_exp()
            if exponent.is_Integer and exponent % 2 == 0:
                sign = self.sign_of(base)
                if sign is None:
                    raise Undecided(f"the hypotheses do not give {base} a sign")
                outside *= (sign * base) ** (exponent // 2)
            else:
                inside *= factor
        return outside * sp.sqrt(inside)

    def compose(self, taylor: Callable[[int], sp.Expr], rest: Expansion) -> Expansion:
        """Σ taylor(k)·rest^k for a ``rest`` that tends to 0."""
        if not rest.coefficients and rest.exact:
            return self.constant(taylor(0))
        if rest.order < 1:
            raise NotExact("the argument of a Taylor series does not tend to its centre")
        total, power = self.constant(taylor(0)), self.constant(1)
        for k in range(1, self.terms + 1):
            power = power * rest
            total = total + power * taylor(k)
            if not power.coefficients or power.order > self.terms:
                break
        beyond = rest.order * (self.terms + 1)
        return total + Expansion(self, beyond, [], beyond)

    def sqrt(self, a: Any) -> Expansion:
        result: Expansion = a.power(sp.Rational(1, 2))
        return result

    def power(self, a: Any, exponent: Any) -> Any:
        if not exponent.exact or exponent.order or len(exponent.coefficients) > 1:
            raise NotExact("a power that depends on the small parameter")
        e = exponent.coefficient(0)
        if e.is_Integer or (e.is_Rational and e.q == 2):
            return a.power(e)
        if not a.exact or len(a.coefficients) > 1 or a.order:
            raise NotExact(f"the power {e} of what depends on the small parameter")
        return self.constant(a.leading**e)

    def ipow(self, a: Any, exponent: int) -> Any:
        return a.power(sp.Integer(exponent))

    def sign(self, a: Any) -> Any:
        if self.is_zero(a):
            return self.constant(0)
        found = self.sign_of(a.leading)
        if found is None:
            raise Undecided(f"the hypotheses do not give {a.leading} a sign")
        return self.constant(found)

    def abs(self, a: Any) -> Any:
        return a * self.sign(a)

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        side = self.sign(a - b).coefficient(0)
        return then if side < 0 or (side == 0 and not strict) else otherwise

    def call(self, function: str | HasDerivatives, order: int, a: Any) -> Any:
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        if function == "log" and self.sign_of(a.coefficient(0)) != 1:
            raise Undecided(f"the hypotheses do not say that {a.coefficient(0)} under a logarithm is positive")
        return self._taylor(lambda n: sp.diff(ELEMENTARY[function](_T), _T, n), a)

    def opaque(self, link: HasDerivatives, order: int, a: Any) -> Expansion:
        """A derivative of a link: its jet where the argument tends to."""
        return self._taylor(lambda n: link.function(order + n)(_T), a)

    def _taylor(self, derivative: Callable[[int], sp.Expr], a: Expansion) -> Expansion:
        if a.order < 0:
            raise NotExact("a function at an argument that tends to infinity")
        centre = a.coefficient(0)
        return self.compose(lambda k: derivative(k).subs(_T, centre) / sp.factorial(k), a - centre)

    def is_zero(self, a: Any) -> bool:
        return bool(a.exact and not a.coefficients)
