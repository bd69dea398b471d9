"""Signs, absolute values, extrema and roots of a statement, as variables that a script introduces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.engines._formal._terms import Printer


def _le(a: Any, b: Any) -> Any:
    return sp.Le(a, b, evaluate=False)


def _lt(a: Any, b: Any) -> Any:
    return sp.Lt(a, b, evaluate=False)


@dataclass(frozen=True)
class Kink:
    """``text`` is its value in Coq, ``spec`` the lemma on it, ``symbol`` the variable that takes its place."""

    kind: str
    text: str
    spec: str
    symbol: sp.Symbol
    args: tuple[Any, ...]

    def cases(self) -> list[tuple[list[Any], Any]]:
        """The conditions and the value of each case, in the order of the lemma."""
        a, *rest = self.args
        if self.kind in ("min", "max"):
            (b,) = rest
            least, most = (a, b) if self.kind == "min" else (b, a)
            return [([_le(a, b)], least), ([_lt(b, a)], most)]
        if self.kind == "abs":
            return [([_le(0, a)], a), ([_lt(a, 0)], -a)]
        if self.kind == "sgn":
            return [([_lt(0, a)], sp.S.One), ([_lt(a, 0)], -sp.S.One), ([sp.Eq(a, 0, evaluate=False)], sp.S.Zero)]
        raise ValueError(self.kind)


def kinks_of(relations: Sequence[Any], printer: Printer) -> tuple[list[Kink], dict[Any, sp.Symbol]]:
    """Every kink, the outer ones first, and what replaces each SymPy expression of this kind."""
    found: set[Any] = set()
    for r in relations:
        for e in r.atoms(sp.Abs, sp.sign, sp.Min, sp.Max, sp.Pow):
            if isinstance(e, sp.Pow):
                if e.exp.is_Rational and e.exp.q == 2:
                    found.add(sp.Pow(e.base, sp.Rational(1, 2)))
            else:
                found.add(e)
    ordered = sorted(found, key=lambda e: (-sum(e.has(o) for o in found), sp.default_sort_key(e)))
    symbols = {e: sp.Symbol(f"m{i}", real=True) for i, e in enumerate(ordered)}
    powers = {p: symbols[sp.sqrt(p.base)] ** p.exp.p for r in relations for p in r.atoms(sp.Pow)
              if p.exp.is_Rational and p.exp.q == 2}  # fmt: skip
    replaced = symbols | powers

    def inner(e: Any) -> Any:
        return e.xreplace(replaced)

    result: list[Kink] = []
    for e in ordered:
        text = printer.term(e)
        if isinstance(e, sp.Pow):
            result.append(Kink("root", text, f"root_spec ({printer.term(e.base)})", symbols[e], (inner(e.base),)))
        elif isinstance(e, (sp.Min, sp.Max)):
            result += _extremum(e, symbols[e], printer, inner)
        else:
            kind = "abs" if isinstance(e, sp.Abs) else "sgn"
            spec = f"{kind}_cases ({printer.term(e.args[0])})"
            result.append(Kink(kind, text, spec, symbols[e], (inner(e.args[0]),)))
    return result, replaced


def _extremum(e: Any, symbol: sp.Symbol, printer: Printer, inner: Any) -> list[Kink]:
    kind = "min" if isinstance(e, sp.Min) else "max"
    args = sorted(e.args, key=sp.default_sort_key)
    result = []
    for i in range(len(args) - 1):
        here = printer.extremum(kind, args[i:])
        rest = printer.extremum(kind, args[i + 1 :])
        last = i == len(args) - 2
        following = inner(args[-1]) if last else sp.Symbol(f"{symbol.name}_{i + 1}", real=True)
        own = symbol if i == 0 else sp.Symbol(f"{symbol.name}_{i}", real=True)
        spec = f"{kind}_cases {printer.term(args[i], 2)} {rest}"
        result.append(Kink(kind, here, spec, own, (inner(args[i]), following)))
    return result


def replace_kinks(r: Any, replaced: dict[Any, Any]) -> Any:
    """A relation in which every kink is a variable."""
    return put(r, replaced)


def put(r: Any, values: dict[Any, Any]) -> Any:
    """Replace in a relation without evaluating it."""
    if isinstance(r, Relation):
        return r.func(r.lhs.xreplace(values), r.rhs.xreplace(values), evaluate=False)
    return r.func(*(put(a, values) for a in r.args), evaluate=False) if r.args else r


def flip(r: Any) -> Any:
    """The same relation with < or ≤ in place of > or ≥."""
    turned = {sp.StrictGreaterThan: sp.StrictLessThan, sp.GreaterThan: sp.LessThan}
    return turned[type(r)](r.rhs, r.lhs, evaluate=False) if type(r) in turned else r
