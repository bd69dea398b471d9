"""Polynomial relations without SymPy's detours: expanded by FLINT, not asked for a sign they cannot have."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly_ctx

__all__ = [
    "ANY",
    "NEGATIVE",
    "POSITIVE",
    "ZERO",
    "Monomial",
    "coefficients",
    "expanded",
    "factored",
    "is_polynomial",
    "product",
    "total",
    "undecided",
]

#: Names with their powers, in the order of the names.
Monomial = tuple[tuple[str, int], ...]


@lru_cache(maxsize=1 << 15)
def is_polynomial(e: sp.Expr) -> bool:
    """Whether ``e`` is written with sums, products and positive integer powers of symbols and rationals alone."""
    if e.is_Symbol or e.is_Rational:
        return True
    if e.is_Pow:
        return bool(e.exp.is_Integer and e.exp > 0) and is_polynomial(e.base)
    return bool(e.is_Add or e.is_Mul) and all(map(is_polynomial, e.args))


@lru_cache(maxsize=4096)
def expanded(e: sp.Expr, integral: bool = False) -> sp.Expr:
    """A polynomial, multiplied out as by SymPy's ``expand``; ``integral``: times the least common denominator.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> expanded((x + y) * (x - y) / 2), expanded((x + y) * (x - y) / 2, integral=True)
    (x**2/2 - y**2/2, x**2 - y**2)
    """
    if not e.free_symbols:
        return sp.S(e.p) if integral else e
    symbols, terms = _terms(e)
    scale = math.lcm(*(int(c.q) for c in terms.values())) if integral else 1
    return _expression(symbols, {powers: c * scale for powers, c in terms.items()})


@lru_cache(maxsize=8192)
def coefficients(e: sp.Expr) -> Mapping[Monomial, Fraction] | None:
    """The coefficients of a polynomial by its monomials (names with their powers); None for all else.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> coefficients((x + y) * (x - y))
    {(('x', 2),): Fraction(1, 1), (('y', 2),): Fraction(-1, 1)}
    """
    if not is_polynomial(e):
        return None
    symbols, terms = _terms(e)
    return {
        tuple((s.name, k) for s, k in zip(symbols, powers, strict=True) if k): Fraction(int(c.p), int(c.q))
        for powers, c in terms.items()
    }


@lru_cache(maxsize=4096)
def factored(e: sp.Expr) -> tuple[tuple[sp.Expr, int], ...]:
    """The irreducible factors over the rationals of a polynomial, with their powers; the constant first.

    Examples
    --------
    >>> x, y = sp.symbols("x y")
    >>> factored(2 * x**3 - 2 * x * y**2)
    ((2, 1), (x, 1), (x - y, 1), (x + y, 1))
    """
    symbols, polynomial = _polynomial(e)
    constant, factors = polynomial.factor()
    found = [(_expression(symbols, f.to_dict()), int(k)) for f, k in factors]
    return (sp.Rational(int(constant.p), int(constant.q)), 1), *sorted(found, key=lambda f: sp.default_sort_key(f[0]))


def _expression(symbols: list[sp.Symbol], terms: Mapping[tuple[int, ...], Any]) -> sp.Expr:
    return sp.Add(
        *(
            sp.Mul(sp.Rational(int(c.p), int(c.q)), *(s**k for s, k in zip(symbols, powers, strict=True) if k))
            for powers, c in terms.items()
        )
    )


def _terms(e: sp.Expr) -> tuple[list[sp.Symbol], dict[tuple[int, ...], Any]]:
    """The symbols of a polynomial, and its coefficients by their powers."""
    symbols, polynomial = _polynomial(e)
    return symbols, polynomial.to_dict()


def _polynomial(e: sp.Expr) -> tuple[list[sp.Symbol], Any]:
    """The symbols of a polynomial, and the polynomial as FLINT holds it."""
    symbols = sorted(e.free_symbols, key=lambda s: s.name)
    context = fmpq_mpoly_ctx.get(tuple(f"x{i}" for i in range(len(symbols))), Ordering.lex)
    values: dict[Any, Any] = dict(zip(symbols, context.gens(), strict=True))

    def value(part: Any) -> Any:
        found = values.get(part)
        if found is None:
            found = values[part] = compute(part)
        return found

    def compute(part: Any) -> Any:
        if part.is_Rational:
            return context.constant(fmpq(int(part.p), int(part.q)))
        if part.is_Pow:
            return value(part.base) ** int(part.exp)
        found = value(part.args[0])
        for a in part.args[1:]:
            found = found + value(a) if part.is_Add else found * value(a)
        return found

    return symbols, value(e)


NEGATIVE, ZERO, POSITIVE = 1, 2, 4
ANY = NEGATIVE | ZERO | POSITIVE


def undecided(e: sp.Expr, zero: bool = False) -> bool:
    """Whether nothing of the sign of ``e`` can be read off; ``zero``: nor whether it vanishes.

    It is left to SymPy to say so of other functions than |·|, and of symbols of which more is assumed than that they
    are real.
    """
    if _signs(e) != ANY or len(e.free_symbols) < 2:
        return False
    return not zero or is_polynomial(e) or undecided(e.as_numer_denom()[0])


@lru_cache(maxsize=1 << 15)
def _signs(e: sp.Expr) -> int:
    """The signs that an algebraic expression in real symbols may have, read off term by term; 0 for all else."""
    if e.is_Symbol:
        return ANY if e.is_real and e.is_extended_nonnegative is None and e.is_extended_nonpositive is None else 0
    if e.is_Rational:
        return POSITIVE if e.p > 0 else NEGATIVE if e.p < 0 else ZERO
    if e.is_Pow and e.exp.is_Integer:
        found = _signs(e.base)
        if e.exp.p < 0 and found & ZERO:
            return ANY
        return found if e.exp.p % 2 or not found & NEGATIVE else found & ZERO | POSITIVE
    if e.is_number:  # SymPy evaluates it
        return POSITIVE if e.is_positive else NEGATIVE if e.is_negative else 0
    if isinstance(e, sp.Abs):
        found = _signs(e.args[0])
        return found & ZERO | POSITIVE if found else 0
    if e.is_Pow and e.exp.is_Rational:
        found = _signs(e.base)
        if found == ANY or found == POSITIVE or (found == ZERO | POSITIVE and e.exp.p > 0):
            return found
        return 0  # SymPy refuses what it knows to be no real number
    if not (e.is_Add or e.is_Mul):
        return 0
    parts = [_signs(a) for a in e.args]
    return functools.reduce(total if e.is_Add else product, parts) if all(parts) else 0


def total(a: int, b: int) -> int:
    """The signs that a sum can have whose summands have the signs ``a`` and ``b``."""
    either = a | b
    if either & POSITIVE and either & NEGATIVE:
        return ANY
    return either if a & b & ZERO else either & ~ZERO or ZERO


def product(a: int, b: int) -> int:
    """The signs that a product can have whose factors have the signs ``a`` and ``b``."""
    positive = (a & POSITIVE and b & POSITIVE) or (a & NEGATIVE and b & NEGATIVE)
    negative = (a & POSITIVE and b & NEGATIVE) or (a & NEGATIVE and b & POSITIVE)
    return (POSITIVE if positive else 0) | (NEGATIVE if negative else 0) | (a | b) & ZERO
