"""Roots, signs, absolute values, minima and opaque functions leave a goal: polynomials and cases remain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import BooleanFunction

from sam_theory.engines._polynomial import is_polynomial, undecided
from sam_theory.engines._vanishing import vanishes

_OPERATORS = {
    "<": sp.StrictLessThan,
    "<=": sp.LessThan,
    ">": sp.StrictGreaterThan,
    ">=": sp.GreaterThan,
    "==": sp.Eq,
    "!=": sp.Ne,
}


@lru_cache(maxsize=8192)
def relation(left: Any, operator: str, right: Any) -> Any:
    """The relation ``left operator right``; decided ones become true or false."""
    difference = left if right is sp.S.Zero else left - right
    if undecided(difference, zero=operator in ("==", "!=")):
        return _OPERATORS[operator](left, right, evaluate=False)
    return _OPERATORS[operator](left, right)


def compared(part: Any) -> list[list[Any]]:
    """Alternatives, each a list of relations, of which one holds just where ``part`` does.

    The least of some numbers is below c iff one of them is, and above c iff all of them are; the largest likewise with
    the directions exchanged.  So an extremum that is compared needs no symbol, and no product of all its differences.
    """
    if isinstance(part, Relation) and part.rel_op in ("<", "<=", ">", ">="):
        for i in (0, 1):
            side, other = part.args[i], part.args[1 - i]
            if isinstance(side, (sp.Min, sp.Max)):
                each = [relation(*((a, part.rel_op, other) if i == 0 else (other, part.rel_op, a))) for a in side.args]
                lower = (part.rel_op in ("<", "<=")) == (i == 0)
                return [[r] for r in each] if lower is isinstance(side, sp.Min) else [each]
    return [[part]]


@dataclass
class Flattening:
    """Replaces what is not rational by fresh symbols.

    ``side`` are the defining relations of roots, absolute values and extrema; ``splits`` lists, for each sign or
    piecewise value (with ``split_all`` for absolute values and extrema too), its possible values with the
    conditions under which it takes them; ``radicands`` must be nonnegative for the expression to mean anything;
    ``values`` are the opaque function values, equal where their arguments are; those of exp are positive.
    """

    split_all: bool = False
    side: list[Any] = field(default_factory=list)
    splits: list[tuple[sp.Symbol, list[tuple[sp.Expr, list[Any]]]]] = field(default_factory=list)
    radicands: list[sp.Expr] = field(default_factory=list)
    values: list[tuple[sp.Symbol, Any, tuple[Any, ...]]] = field(default_factory=list)
    _memo: dict[Any, Any] = field(default_factory=dict)
    _known: dict[Any, sp.Symbol] = field(default_factory=dict)
    #: each root with its order and its radicand, in which only earlier ones occur
    roots: list[tuple[sp.Symbol, int, sp.Expr]] = field(default_factory=list)

    def _fresh(self, base: str) -> sp.Symbol:
        return sp.Symbol(f"{base}!{len(self._memo)}", real=True)

    def __call__(self, e: Any) -> Any:
        """``e`` (an expression or a Boolean of relations) without irrational parts."""
        if isinstance(e, Relation):
            return relation(self(e.lhs), e.rel_op, self(e.rhs))
        if isinstance(e, BooleanFunction):
            return e.func(*map(self, e.args))
        known = self._memo.get(e)
        if known is None:
            known = self._memo[e] = self._flatten(e)
        return known

    def _flatten(self, e: Any) -> Any:
        if e.is_Atom or e in (sp.true, sp.false):
            return e
        if is_polynomial(e):
            return _evaluated(e)
        if isinstance(e, sp.Pow) and e.exp.is_Rational and not e.exp.is_Integer:
            self.radicands.append(e.base)
            return self._root(self(e.base), e.exp.q) ** e.exp.p
        if isinstance(e, sp.Piecewise):
            return self._piecewise(e)
        if isinstance(e, sp.Function) and not isinstance(e, (sp.Abs, sp.sign, sp.Min, sp.Max)):
            # Expanded, so that arguments are seen to be equal although one was written with √2·√2.
            key = (e.func, tuple(self(sp.expand(a)) for a in e.args))
            if key not in self._known:  # an opaque function value: any real number, one for equal arguments
                value = self._known[key] = self._fresh("value")
                self.values.append((value, *key))
                if isinstance(e, sp.exp):
                    self.side.append(relation(value, ">", 0))
            return self._known[key]
        args = [self(a) for a in e.args]
        if isinstance(e, sp.Abs):
            (a,) = args
            if self.split_all:
                return self._split("abs", [(a, [relation(a, ">=", 0)]), (-a, [relation(a, "<", 0)])])
            return self._defined("abs", lambda m: [relation(m, ">=", 0), relation(m**2, "==", a**2)])
        if isinstance(e, sp.sign):
            (a,) = args
            cases = ((1, ">"), (-1, "<"), (0, "=="))
            return self._split("sign", [(sp.Integer(v), [relation(a, op, 0)]) for v, op in cases])
        if isinstance(e, (sp.Min, sp.Max)):
            op = "<=" if isinstance(e, sp.Min) else ">="
            if self.split_all:
                return self._split("extremum", [(a, [relation(a, op, b) for b in args if b != a]) for a in args])
            return self._defined(
                "extremum",
                lambda m: [relation(sp.Mul(*(m - a for a in args)), "==", 0), *(relation(m, op, a) for a in args)],
            )
        if isinstance(e, (sp.Add, sp.Mul)) or (isinstance(e, sp.Pow) and e.exp.is_Integer):
            return e.func(*args)
        return self._fresh("value")  # any real number

    def _piecewise(self, e: sp.Piecewise) -> sp.Symbol:
        cases: list[tuple[sp.Expr, list[Any]]] = []
        earlier: list[Any] = []
        for value, condition in e.args:
            own = self(condition)
            cases.append((self(value), [*earlier, own]))
            earlier.append(sp.Not(own))
        return self._split("piece", cases)

    def _root(self, a: sp.Expr, q: int) -> sp.Expr:
        key = ("root", a, q)
        if key not in self._memo:
            root = self._memo[key] = self._fresh("root")
            self.roots.append((root, q, a))
            self.side += [relation(root, ">=", 0), relation(root**q, "==", a)]
        return self._memo[key]

    def _defined(self, base: str, equations: Callable[[sp.Symbol], list[Any]]) -> sp.Symbol:
        symbol = self._fresh(base)
        self.side += equations(symbol)
        return symbol

    def _split(self, base: str, cases: list[tuple[sp.Expr, list[Any]]]) -> sp.Symbol:
        symbol = self._fresh(base)
        self.splits.append((symbol, cases))
        return symbol

    def cases(self, relations: Sequence[Any], contradictory: Callable[[list[Any]], bool]) -> Iterator[list[Any]]:
        """The relations in every combination of cases that ``contradictory`` does not exclude at once."""
        start = conjuncts([*relations, *self.side])
        if start is not None:
            yield from self._descend(start, list(self.splits), self.values, contradictory)

    def _descend(
        self,
        parts: list[Any],
        splits: list[tuple[sp.Symbol, list[tuple[sp.Expr, list[Any]]]]],
        values: list[tuple[sp.Symbol, Any, tuple[Any, ...]]],
        contradictory: Callable[[list[Any]], bool],
    ) -> Iterator[list[Any]]:
        if not splits:
            yield [*parts, *_congruent(values)]
            return
        (symbol, cases), rest = splits[0], splits[1:]
        for value, conditions in cases:
            chosen = {symbol: value}
            case = conjuncts([resolve(p, chosen) for p in (*parts, *conditions)])
            if case is None or contradictory([p for p in case if not _depends(p, rest)]):
                continue
            remaining = [
                (x, [(resolve(v, chosen), [resolve(c, chosen) for c in cs]) for v, cs in xs]) for x, xs in rest
            ]
            known = [(v, f, tuple(resolve(a, chosen) for a in args)) for v, f, args in values]
            yield from self._descend(case, remaining, known, contradictory)


@lru_cache(maxsize=8192)
def _evaluated(e: sp.Expr) -> sp.Expr:
    """A polynomial built anew: products that were kept from multiplying out do so."""
    return e if e.is_Atom else e.func(*map(_evaluated, e.args))


def _congruent(values: Sequence[tuple[sp.Symbol, Any, tuple[Any, ...]]]) -> list[Any]:
    """Equal arguments give equal values of an opaque function."""
    found = []
    for i, (v, f, args) in enumerate(values):
        for u, g, others in values[:i]:
            same = f == g and len(args) == len(others)
            if same and all(_equal(a, b) for a, b in zip(args, others, strict=True)):
                found.append(sp.Eq(v, u, evaluate=False))
                break
    return found


def _equal(a: Any, b: Any) -> bool:
    return a == b or vanishes(a - b)


def _depends(part: Any, splits: Sequence[tuple[sp.Symbol, Any]]) -> bool:
    return any(symbol in part.free_symbols for symbol, _ in splits)


def resolve(e: Any, values: dict[sp.Symbol, sp.Expr]) -> Any:
    """Put the chosen value of a split symbol into ``e``."""
    if isinstance(e, Relation):
        sides = resolve(e.lhs, values), resolve(e.rhs, values)
        return e if sides == e.args else relation(sides[0], e.rel_op, sides[1])
    if isinstance(e, BooleanFunction):
        parts = tuple(resolve(a, values) for a in e.args)
        return e if parts == e.args else e.func(*parts)
    return e.xreplace(values) if isinstance(e, sp.Basic) else e


def conjuncts(parts: Sequence[Any]) -> list[Any] | None:
    """The parts that are not trivially true, or None if one is false."""
    kept = [p for p in parts if p is not sp.true and p is not True]
    return None if any(p is sp.false or p is False for p in kept) else kept
