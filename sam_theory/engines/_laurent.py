"""Laurent series of formulas in a small positive symbol, with exact coefficients.

A series is x^v (a₀ + a₁x + …), cut off after a number of terms.  Roots and signs need to know the sign of a leading
coefficient: it is asked of ``side``, which proves it or gives up.  All coefficients are elements of a field of rational
functions, so that one that vanishes is seen to vanish; formulas that would need others are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic._fractions import Fractions

#: 1, −1 or None, as an expression is known to be positive, known to be negative, or neither.
Side = Callable[[sp.Expr], int | None]


class NoSeries(ValueError):
    """The formula has no Laurent series, or none was found."""


@dataclass(frozen=True)
class Series:
    """x^valuation times the power series with these coefficients, known up to the last of them."""

    valuation: int
    coefficients: tuple[Any, ...]

    @property
    def end(self) -> int:
        """The first power whose coefficient is not known."""
        return self.valuation + len(self.coefficients)

    def coefficient(self, power: int) -> Any:
        """The coefficient of x^power; raises NoSeries beyond the terms that are known."""
        if power >= self.end:
            raise NoSeries(f"the coefficient of order {power} was not computed")
        return self.coefficients[power - self.valuation] if power >= self.valuation else 0

    def leading(self) -> tuple[int, Any]:
        """The first power whose coefficient is not 0, and that coefficient; raises NoSeries if all vanish."""
        for i, a in enumerate(self.coefficients):
            if a:
                return self.valuation + i, a
        raise NoSeries("all computed coefficients vanish")


class Laurent:
    """Expands formulas in ``x`` to ``terms`` coefficients, rational functions of ``symbols``."""

    def __init__(
        self, x: sp.Symbol, terms: int, side: Side, symbols: Sequence[sp.Symbol], generic: bool = False
    ) -> None:
        """With ``generic`` the caller sees to it that nothing that is divided by has a vanishing coefficient."""
        self.x, self.terms, self.side, self.generic = x, terms, side, generic
        self.field = Fractions(symbols)
        self.zero, self.one = self.number(0), self.number(1)
        self._memo: dict[Any, Series] = {}

    def number(self, e: Any) -> Any:
        """An expression without x as an element of the field; raises NoSeries."""
        found = self.field.element(sp.sympify(e))
        if found is None:
            raise NoSeries(f"{e} is no rational function")
        return found

    def expression(self, a: Any) -> sp.Expr:
        """An element of the field as an expression."""
        return a.expression() if a else sp.S.Zero

    def __call__(self, e: Any) -> Series:
        """The series of ``e``; raises NoSeries."""
        known = self._memo.get(e)
        if known is None:
            known = self._memo[e] = self._expand(sp.sympify(e))
        return known

    def _expand(self, e: sp.Expr) -> Series:
        if self.x not in e.free_symbols:
            return self._cut(0, [self.number(e), *[self.zero] * (self.terms - 1)])
        if e == self.x:
            return self._cut(1, [self.one, *[self.zero] * (self.terms - 1)])
        if isinstance(e, sp.Add):
            return self._sum([self(a) for a in e.args])
        if isinstance(e, sp.Mul):
            total = self(e.args[0])
            for a in e.args[1:]:
                total = self._product(total, self(a))
            return total
        if isinstance(e, sp.Pow) and e.exp.is_Rational:
            return self._power(self(e.base), e.exp)
        if isinstance(e, (sp.sign, sp.Abs)):
            inner = self(e.args[0])
            side = self.side(self.expression(inner.leading()[1]))
            if side is None:
                raise NoSeries(f"the sign of {e.args[0]} is not known as {self.x} -> 0")
            if isinstance(e, sp.sign):
                return self(sp.Integer(side))
            return Series(inner.valuation, tuple(side * a for a in inner.coefficients))
        if isinstance(e, sp.Function) and len(e.args) == 1:
            return self._taylor(e)
        raise NoSeries(f"{e} has no Laurent series")

    # -- operations --------------------------------------------------------------------------------------
    def _cut(self, valuation: int, coefficients: list[Any]) -> Series:
        """Leading zeros are dropped, so that later terms are kept instead."""
        first = 0
        while first < len(coefficients) - 1 and not coefficients[first]:
            first += 1
        return Series(valuation + first, tuple(coefficients[first : first + self.terms]))

    def _sum(self, parts: list[Series]) -> Series:
        low, end = min(s.valuation for s in parts), min(s.end for s in parts)
        if end <= low:
            raise NoSeries("too few terms were computed")
        zero = self.zero
        return self._cut(low, [sum((s.coefficient(p) for s in parts), zero) for p in range(low, end)])

    def _product(self, a: Series, b: Series) -> Series:
        size = min(len(a.coefficients), len(b.coefficients))
        rows = [sum((a.coefficients[i] * b.coefficients[n - i] for i in range(n + 1)), self.zero) for n in range(size)]
        return self._cut(a.valuation + b.valuation, rows)

    def _power(self, base: Series, exponent: sp.Rational) -> Series:
        """(a₀x^v(1+u))^p by the recursion n·c_n = Σ (p·k−(n−k))·u_k·c_{n−k} of J. C. P. Miller."""
        valuation, first = base.leading()
        if valuation * exponent.p % exponent.q:
            raise NoSeries(f"a fractional power of {self.x}")
        if exponent < 0 and not self.generic and self.side(self.expression(first)) is None:
            raise NoSeries(f"{self.expression(first)} is divided by, and may vanish")
        u = [a / first for a in base.coefficients[valuation - base.valuation :]]
        c = [self.one]
        for n in range(1, len(u)):
            factors = [self.number((exponent * k - (n - k)) / n) for k in range(1, n + 1)]
            c.append(sum((f * u[k] * c[n - k] for k, f in enumerate(factors, 1)), self.zero))
        scale = first ** int(exponent) if exponent.is_Integer else self._root(self.expression(first), exponent)
        return self._cut(int(valuation * exponent), [scale * a for a in c])

    def _root(self, a: sp.Expr, exponent: sp.Rational) -> Any:
        """a^exponent for the square of a rational function whose sign is known."""
        if exponent.q != 2:
            raise NoSeries(f"the power {exponent} of {a}")
        base = sp.S.One
        for part, outward in zip(sp.fraction(sp.together(a)), (1, -1), strict=True):
            number, factors = sp.factor_list(part)
            root = sp.sqrt(number)
            if not root.is_Rational or any(n % 2 for _, n in factors):
                raise NoSeries(f"{a} is not the square of a rational function")
            base *= (root * sp.Mul(*(f ** (n // 2) for f, n in factors))) ** outward
        side = self.side(base)
        if side is None:
            raise NoSeries(f"the sign of {base} is not known")
        return self.number(side * base) ** int(exponent.p)

    def _taylor(self, f: sp.Expr) -> Series:
        """f(h) with h → 0, by the derivatives of f at 0."""
        inner = self(f.args[0])
        if inner.valuation < 0 or inner.coefficient(0):
            raise NoSeries(f"the argument of {f} does not tend to 0")
        z = sp.Dummy("z", real=True)
        derivative = f.func(z)
        total, power = self(derivative.subs(z, 0).doit()), self(sp.S.One)
        for n in range(1, inner.end):
            derivative = sp.diff(derivative, z)
            power = self._product(power, inner)
            value = self.number(derivative.subs(z, 0).doit() / sp.factorial(n))
            total = self._sum([total, Series(power.valuation, tuple(value * a for a in power.coefficients))])
        end = min(inner.end, total.end)
        return self._cut(total.valuation, list(total.coefficients[: end - total.valuation]))
