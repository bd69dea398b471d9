"""Polynomial relations without SymPy's detours: expanded by FLINT, not asked for a sign they cannot have."""

from __future__ import annotations

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


def undecided(e: sp.Expr) -> bool:
    """Whether nothing of the sign of an expanded polynomial can be read off its terms.

    So it is where one of them has an odd power of a symbol that is merely real, and two symbols or more occur.
    """
    symbols = e.free_symbols
    if len(symbols) < 2 or any(s.is_extended_nonnegative is not None or not s.is_real for s in symbols):
        return False
    return any(
        is_monomial(term) and any(f.as_base_exp()[1].is_odd for f in sp.Mul.make_args(term) if not f.is_Rational)
        for term in sp.Add.make_args(e)
    )


def is_monomial(e: sp.Expr) -> bool:
    """Whether ``e`` is a product of a rational and positive integer powers of symbols."""
    return all(
        f.is_Rational or f.is_Symbol or (f.is_Pow and f.base.is_Symbol and f.exp.is_Integer and f.exp > 0)
        for f in sp.Mul.make_args(e)
    )
