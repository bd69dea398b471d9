"""Derivatives where a map has kinks: one branch for each side of every sign that vanishes at the point."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp

from sam_theory.arithmetic import kinks, one_sided_partial, smooth_kinks
from sam_theory.arithmetic._factor import normal
from sam_theory.errors import InputError


@dataclass(frozen=True)
class Sides:
    """The smooth branches of a map that meet at a point.

    ``images`` and ``jacobians`` hold one entry for each branch, evaluated at the point.  The map is
    differentiable there if all images equal the value of the map and all Jacobians agree, provided that the
    expressions in ``nonzero`` (the other signs' arguments, denominators and radicands at the point) do not vanish.
    """

    images: tuple[tuple[sp.Expr, ...], ...]
    jacobians: tuple[sp.Matrix, ...]
    nonzero: tuple[sp.Expr, ...]


def sides_at(step: Sequence[sp.Expr], variables: Sequence[sp.Symbol], point: Sequence[sp.Expr]) -> Sides:
    """The branches of ``step`` that meet at ``point``.

    Raises InputError if a derivative does not exist in closed form or is infinite at the point.
    """
    rows = [smooth_kinks(e) for e in step]
    at: Mapping[sp.Symbol, sp.Expr] = dict(zip(variables, map(sp.sympify, point), strict=True))
    values = {f: normal(f.xreplace(at).doit()) for f in kinks(rows)}
    vanishing = [f for f, v in values.items() if v == 0]
    nested = [f for f in values if f.has(sp.sign, sp.Abs)]
    if vanishing and nested:
        raise InputError(f"{nested[0]} has a kink inside a kink; derivatives there are not supported")
    images, jacobians = [], []
    for choice in itertools.product((1, -1), repeat=len(vanishing)):
        swap: dict[Any, Any] = {}
        for f, s in zip(vanishing, choice, strict=True):
            swap |= {sp.sign(f): sp.Integer(s), sp.Abs(f): s * f}
        branch = [e.xreplace(swap) for e in rows]
        matrix = sp.Matrix([[one_sided_partial(e, x) for x in variables] for e in branch])
        images.append(tuple(e.xreplace(at).doit() for e in branch))
        jacobians.append(matrix.xreplace(at).applyfunc(lambda e: e.doit()))
    for e in (*itertools.chain(*images), *itertools.chain(*jacobians)):
        if e.has(sp.nan, sp.zoo, sp.oo):
            raise InputError(f"the map has no derivative at ({', '.join(map(str, point))})")
    singular = [v for v in singular_at(rows, at) if v not in values.values()]
    return Sides(tuple(images), tuple(jacobians), tuple(v for v in (*values.values(), *singular) if v != 0))


def singular_at(rows: Sequence[sp.Expr], at: Mapping[sp.Symbol, sp.Expr]) -> list[sp.Expr]:
    """What stands below a fraction line or under a root, at the point, and is not known to be positive.

    SymPy cancels ρ/|ρ| in the derivative of a normalised gradient, which does not exist where ρ = 0.
    """
    powers = {p for e in rows for p in e.atoms(sp.Pow) if not (p.exp.is_Integer and p.exp.is_positive)}
    bases = sorted({p.base for p in powers if p.base.free_symbols & set(at)}, key=sp.default_sort_key)
    found = dict.fromkeys(normal(b.xreplace(at).doit()) for b in bases)
    return [v for v in found if not (v.is_positive or v.is_negative)]
