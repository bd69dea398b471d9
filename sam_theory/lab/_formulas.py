"""Formulas of a derivation: short forms, texts, roots that are found soon or not at all."""

from __future__ import annotations

import sympy as sp

__all__ = ["above", "of_angle", "real_roots", "root", "simpler", "text"]


def simpler(e: sp.Expr) -> sp.Expr:
    """A short form of ``e``: simplified, and factored where that is not longer."""
    e = sp.simplify(e)
    product = sp.factor(e)
    return product if sp.count_ops(product) <= sp.count_ops(e) else e


def text(e: sp.Expr) -> str:
    """A formula as text, constants first."""
    return str(sp.sstr(e, order="rev-lex"))


def above(e: sp.Expr) -> str:
    """``e > 0``, what is subtracted on the other side."""
    terms = sp.Add.make_args(e)
    taken = [t for t in terms if t.could_extract_minus_sign()]
    if not taken or len(taken) == len(terms):
        return f"{text(e)} > 0"
    return f"{text(sp.Add(*(-t for t in taken)))} < {text(sp.Add(*(t for t in terms if t not in taken)))}"


def root(e: sp.Expr) -> sp.Expr | None:
    """A square root without roots, or None."""
    result = sp.S.One
    for factor in sp.Mul.make_args(e):
        base, power = factor.as_base_exp()
        if factor.is_negative:
            return None
        if factor.is_Rational:
            result *= sp.sqrt(factor)
        elif power.is_Integer and power % 2 == 0:
            result *= base ** (power // 2)
        else:
            return None
    return result if not any(p.exp.is_Rational and p.exp.q > 1 for p in result.atoms(sp.Pow)) else None


def real_roots(e: sp.Expr, x: sp.Symbol) -> list[sp.Expr] | None:
    """All real roots, or None where they are not found soon; of a trigonometric polynomial those in [0, 2π)."""
    periodic = of_angle(e, x)
    result: list[sp.Expr] = []
    for factor in sp.Mul.make_args(sp.factor(e)):
        base = factor.as_base_exp()[0]
        if x not in base.free_symbols or base == sp.E:
            continue
        if base.is_positive or base.is_negative or isinstance(factor, sp.exp):
            continue
        if periodic:
            try:
                roots = sp.solveset(base, x, sp.Interval.Ropen(0, 2 * sp.pi))
            except (NotImplementedError, ValueError, TypeError):  # what SymPy raises where it cannot order the roots
                return None
            if not isinstance(roots, sp.FiniteSet) and roots is not sp.S.EmptySet:
                return None
        elif base.is_polynomial(x):
            found = sp.roots(sp.Poly(base, x))
            if sum(found.values()) != sp.degree(base, x):
                return None
            roots = found
        else:
            return None
        result += [r for r in roots if r not in result]
    return result


def of_angle(e: sp.Expr, x: sp.Symbol) -> bool:
    """Whether ``e`` is a rational function of sin x and cos x."""
    s, c = sp.symbols("s c")
    plain = sp.expand_trig(e).subs({sp.sin(x): s, sp.cos(x): c})
    return bool(x not in plain.free_symbols and plain.free_symbols & {s, c} and plain.is_rational_function(s, c))
