"""Polynomial relations without SymPy's detours: expanded by FLINT, not asked for a sign they cannot have."""

from __future__ import annotations

import functools
import math
from functools import lru_cache
from typing import Any

import sympy as sp
from flint import Ordering, fmpq, fmpq_mpoly_ctx

__all__ = ["expanded", "is_monomial", "is_polynomial", "undecided"]


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
    symbols = sorted(e.free_symbols, key=lambda s: s.name)
    if not symbols:
        return sp.S(e.p) if integral else e
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
        total = value(part.args[0])
        for a in part.args[1:]:
            total = total + value(a) if part.is_Add else total * value(a)
        return total

    terms = value(e).to_dict()
    scale = math.lcm(*(int(c.q) for c in terms.values())) if integral else 1
    return sp.Add(
        *(
            sp.Mul(sp.Rational(int(c.p) * scale, int(c.q)), *(s**k for s, k in zip(symbols, powers, strict=True) if k))
            for powers, c in terms.items()
        )
    )


_NEGATIVE, _ZERO, _POSITIVE = 1, 2, 4
_ANY = _NEGATIVE | _ZERO | _POSITIVE


def undecided(e: sp.Expr, zero: bool = False) -> bool:
    """Whether nothing of the sign of ``e`` can be read off; ``zero``: nor whether it vanishes.

    It is left to SymPy to say so of functions, and of symbols of which more is assumed than that they are real.
    """
    if _signs(e) != _ANY or len(e.free_symbols) < 2:
        return False
    return not zero or is_polynomial(e) or undecided(e.as_numer_denom()[0])


@lru_cache(maxsize=1 << 15)
def _signs(e: sp.Expr) -> int:
    """The signs that a rational expression in real symbols may have, read off term by term; 0 for all else."""
    if e.is_Symbol:
        return _ANY if e.is_real and e.is_extended_nonnegative is None and e.is_extended_nonpositive is None else 0
    if e.is_Rational:
        return _POSITIVE if e.p > 0 else _NEGATIVE if e.p < 0 else _ZERO
    if e.is_Pow and e.exp.is_Integer:
        found = _signs(e.base)
        if e.exp.p < 0 and found & _ZERO:
            return _ANY
        return found if e.exp.p % 2 or not found & _NEGATIVE else found & _ZERO | _POSITIVE
    if not (e.is_Add or e.is_Mul):
        return 0
    parts = [_signs(a) for a in e.args]
    return functools.reduce(_sum if e.is_Add else _product, parts) if all(parts) else 0


def _sum(a: int, b: int) -> int:
    either = a | b
    if either & _POSITIVE and either & _NEGATIVE:
        return _ANY
    return either if a & b & _ZERO else either & ~_ZERO or _ZERO


def _product(a: int, b: int) -> int:
    positive = (a & _POSITIVE and b & _POSITIVE) or (a & _NEGATIVE and b & _NEGATIVE)
    negative = (a & _POSITIVE and b & _NEGATIVE) or (a & _NEGATIVE and b & _POSITIVE)
    return (_POSITIVE if positive else 0) | (_NEGATIVE if negative else 0) | (a | b) & _ZERO


def is_monomial(e: sp.Expr) -> bool:
    """Whether ``e`` is a product of a rational and positive integer powers of symbols."""
    return all(
        f.is_Rational or f.is_Symbol or (f.is_Pow and f.base.is_Symbol and f.exp.is_Integer and f.exp > 0)
        for f in sp.Mul.make_args(e)
    )
