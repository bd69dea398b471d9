"""Roots of polynomials of low degree in closed form, and signs of expressions of positive parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.polys.polyerrors import NotInvertible


@dataclass(frozen=True)
class Root:
    """A zero of the polynomial ``f`` in w (None: of something else), real under the conditions ``real``."""

    w: sp.Symbol
    point: sp.Expr
    real: tuple[sp.Expr, ...] = ()
    f: sp.Poly | None = None

    def value(self, e: sp.Expr) -> sp.Expr | None:
        """``e`` at the root, None at a pole; rational expressions are first reduced modulo the polynomial."""
        if self.f is None or not e.is_rational_function(self.w):
            result = sp.simplify(e.subs(self.w, self.point))
            return None if result.has(sp.zoo, sp.nan) else result
        modulus = self.f.to_field()
        above, below = (sp.Poly(part, self.w).to_field() for part in sp.fraction(sp.together(e)))
        try:
            reduced = (above * below.rem(modulus).invert(modulus)).rem(modulus)
        except NotInvertible:
            return None
        return sp.Add(*(sp.factor(c) * self.point**n for (n,), c in reduced.terms()))


def quadratic_roots(f: sp.Poly) -> list[Root]:
    """The real roots of a polynomial of degree 1 or 2; the discriminant has to be positive."""
    (w,) = f.gens
    if f.degree() == 1:
        return [Root(w, sp.factor(-f.nth(0) / f.nth(1)), (), f)]
    a, b, c = f.nth(2), f.nth(1), f.nth(0)
    discriminant = sp.factor(b**2 - 4 * a * c)
    real = positive(discriminant)
    if real is sp.false:
        return []
    return [Root(w, (-b + s * sp.sqrt(discriminant)) / (2 * a), (real,), f) for s in (1, -1)]


def positive(e: sp.Expr) -> sp.Expr:
    """e > 0 in a short form, for generic parameters; ``true`` or ``false`` where their domains decide it."""
    result = sp.S.One
    for factor in sp.Mul.make_args(sp.factor(e)):
        base, exponent = factor.as_base_exp()
        if factor.is_negative:
            result = -result
        elif not factor.is_positive and not (exponent.is_Integer and exponent % 2 == 0):
            result *= base if exponent.is_Integer else factor
    return sp.StrictGreaterThan(sp.expand(result), 0)


def same_points(a: Sequence[sp.Expr], b: Sequence[sp.Expr]) -> bool:
    """Whether two lists hold the same points in any order and form, judged at three sets of parameters."""
    symbols = sorted({s for e in (*a, *b) for s in e.free_symbols}, key=str)

    def at(e: sp.Expr, k: int) -> complex:
        values = {s: sp.Rational(7 + 3 * i + k, 11 + 2 * k) for i, s in enumerate(symbols)}
        return complex(e.xreplace(values).evalf(20))

    return all(
        all(any(abs(at(p, k) - at(q, k)) <= 1e-12 * (1 + abs(at(p, k))) for q in b) for p in a) for k in range(3)
    )
