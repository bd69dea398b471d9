"""Kinks of SymPy expressions: where a sign, an absolute value, an extremum or a case distinction changes branch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sympy as sp

from sam_theory.arithmetic._closed import closed_roots
from sam_theory.errors import InputError


def smooth_kinks(e: sp.Expr) -> sp.Expr:
    """``e`` with every minimum and maximum written by absolute values.

    Raises InputError for a Piecewise expression.
    """
    if e.has(sp.Piecewise):
        raise InputError(f"{e} is piecewise; write it with sign, abs, min or max to have a derivative")

    def fold(smaller: bool) -> Any:
        def pairwise(*args: sp.Expr) -> sp.Expr:
            total = args[0]
            for a in args[1:]:
                half = sp.Abs(total - a) / 2
                total = (total + a) / 2 + (-half if smaller else half)
            return total

        return pairwise

    return e.replace(sp.Min, fold(True)).replace(sp.Max, fold(False))


def kinks(expressions: Sequence[sp.Expr]) -> list[sp.Expr]:
    """The arguments of all signs and absolute values, in a fixed order."""
    nodes = set().union(*(e.atoms(sp.sign, sp.Abs) for e in expressions))
    return sorted({n.args[0] for n in nodes}, key=sp.default_sort_key)


def one_sided_partial(e: sp.Expr, s: sp.Symbol) -> sp.Expr:
    """∂e/∂s with every sign taken as locally constant."""
    d = sp.diff(e, s)
    if d.has(sp.DiracDelta):
        d = d.replace(sp.DiracDelta, lambda *_: sp.S.Zero)
    if d.has(sp.Derivative):
        raise InputError(f"{e} has no derivative in closed form")
    return d


def gradient(e: sp.Expr, variables: Sequence[sp.Symbol]) -> list[sp.Expr]:
    """The gradient of a continuously differentiable expression.

    Raises InputError where value or gradient jumps across a kink, or where that cannot be told.
    """
    smooth = e if e.has(sp.Piecewise) else smooth_kinks(e)
    partials = [one_sided_partial(smooth, x) for x in variables]
    for p in partials:
        if p.has(sp.Subs):
            raise InputError(f"{e} is not differentiable in closed form; use a differentiable expression")
    for boundary, jumps in _jumps([smooth, *partials], variables):
        if any(not _vanishes_on(j, boundary, variables) for j in jumps):
            raise InputError(
                f"{e} is not differentiable where {boundary} = 0, or that cannot be told; "
                "use a differentiable expression"
            )
    return partials


def _jumps(es: Sequence[sp.Expr], variables: Sequence[sp.Symbol]) -> Iterator[tuple[sp.Expr, list[sp.Expr]]]:
    """The differences between the two sides of every kink, with the expression that vanishes on it."""
    for f in kinks(es):
        if f.has(sp.sign, sp.Abs):
            raise InputError(f"{f} has a kink inside a kink; differentiability there cannot be told")
        if f.free_symbols & set(variables):
            plus, minus = ({sp.sign(f): sp.Integer(s), sp.Abs(f): s * f} for s in (1, -1))
            yield f, [e.xreplace(plus) - e.xreplace(minus) for e in es]
    for piece in sorted(es[0].atoms(sp.Piecewise), key=sp.default_sort_key):
        for (here, condition), (there, _) in zip(piece.args[:-1], piece.args[1:], strict=True):
            difference = here - there
            boundary = getattr(condition, "lhs", sp.nan) - getattr(condition, "rhs", sp.nan)
            yield boundary, [difference, *(sp.diff(difference, x) for x in variables)]


def _vanishes_on(jump: sp.Expr, boundary: sp.Expr, variables: Sequence[sp.Symbol]) -> bool:
    for x in variables:
        if x in boundary.free_symbols:
            roots = closed_roots(boundary, x)
            if roots is None:
                continue
            if all(_is_zero(jump.subs(x, r)) for r in roots if r.is_real is not False):
                return True
            break
    return _is_zero(jump)


def _is_zero(e: sp.Expr) -> bool:
    return bool(sp.expand(e) == 0 or sp.simplify(e) == 0)
