"""Cuts: relations that follow, with their refuted negations.

A factor of known sign is divided out, a square factor is dropped, an equality is freed of factors that do not vanish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sam_theory.engines._multipliers._rewrite import Rewriting
from sam_theory.engines._multipliers._tree import Combine, Node, Poly, Relation, Term, case, split


@dataclass(frozen=True)
class Cut:
    """``derived`` follows since ``refuted`` refutes ``negation``; it stands for ``replaced``, if that is given."""

    poly: Poly
    names: tuple[str, str]  # of the case that is refuted, and of the one that goes on
    negation: Relation
    refuted: Node
    derived: Relation
    replaced: Relation | None = None

    def then(self, node: Node) -> Node:
        """The refutation of the relations without ``derived``, from one with it."""
        refuted, goes_on = self.names
        return split(self.poly, [(refuted, self.negation, self.refuted), (goes_on, self.derived, node)])


_NEGATION = {">": "<=0", ">=": "<0", "==": "!=0", "!=": "=0"}
_SAME = {">": ">0", ">=": ">=0", "==": "=0", "!=": "!=0"}


def begin(op: str, poly: Poly) -> tuple[Relation, Relation, tuple[str, str]]:
    """Negation and relation of ``poly op 0``, as the two cases of a split."""
    names = (_NEGATION[op], _SAME[op])
    return case(names[0], poly), case(names[1], poly), names


class Signs:
    """The signs of irreducible factors, as far as relations say them directly."""

    def __init__(self, relations: Sequence[Relation]) -> None:
        self._known: dict[str, tuple[int, Relation]] = {}
        for r in relations:
            if r.op in (">", "!=", ">="):
                _, factors = r.poly.factor()
                if len(factors) == 1 and factors[0][1] == 1:
                    self.add(r)

    def add(self, r: Relation) -> None:
        """Learn from a relation c·f op 0."""
        c, factors = r.poly.factor()
        f = factors[0][0]
        sign = 0 if r.op == "!=" else (1 if c > 0 else -1)
        old = self._known.get(str(f))
        rank = {">": 2, "!=": 1, ">=": 0}
        if old is None or rank[r.op] > rank[old[1].op]:
            self._known[str(f)] = (sign, r)

    def strict(self, f: Poly) -> tuple[int, Relation] | None:
        """1, −1 or 0 (not zero) with the relation that says so."""
        found = self._known.get(str(f))
        return found if found is not None and found[1].strict else None

    def weak(self, f: Poly, sign: int) -> bool:
        """Whether sign · f ≥ 0 is known."""
        found = self._known.get(str(f))
        return found is not None and found[0] == sign


def divided(r: Relation, signs: Signs) -> Cut | None:
    """``r`` without the factors whose sign is known, and without squares; None where nothing changes."""
    if r.poly.is_constant():
        return None
    c, factors = r.poly.factor()
    if len(factors) == 1 and factors[0][1] == 1:
        return None
    vanishing = _vanishing(r, -1 if c > 0 else 1, factors, signs) if r.op == ">=" else None
    if vanishing is not None:
        return vanishing
    return _freed(r, factors, signs) if r.op in ("==", "!=") else _positive(r, 1 if c > 0 else -1, factors, signs)


def _positive(r: Relation, sign: int, factors: Sequence[tuple[Poly, Any]], signs: Signs) -> Cut | None:
    """From f·g > 0 and f > 0 follows g > 0: else f·g + f·(−g) = 0 is positive."""
    one = r.poly.context().constant(1)
    rest, square, used = one, one, list[Relation]()
    for f, power in factors:
        e, found = int(power), signs.strict(f)
        if found is not None and (found[0] != 0 or e % 2 == 0):
            used += [found[1]] * (e if found[1].op == ">" else e // 2)
            sign *= found[0] ** (e % 2)
        elif r.op == ">":
            rest, square = rest * f ** (e % 2), square * f ** (e // 2)
        else:
            rest *= f**e
    if (square == one and not used) or (rest == one and sign > 0):
        return None
    negation, derived, names = begin(r.op, rest * sign)
    product = negation.poly * square * square
    for s in used:
        product *= s.factor
    c = -r.poly.leading_coefficient() / product.leading_coefficient()
    leaf = Combine((Term(c / c, (r,)), Term(c, (negation, *used), None if square == one else square)), ())
    return Cut(rest * sign, names, negation, leaf, derived, r)


def _vanishing(r: Relation, sign: int, factors: Sequence[tuple[Poly, Any]], signs: Signs) -> Cut | None:
    """From −f²·g ≥ 0 and g > 0 follows f = 0: else −f²·g + f²·g = 0 is positive."""
    rest, used, product = r.poly.context().constant(1), list[Relation](), r.poly.context().constant(1)
    for f, power in factors:
        e, found = int(power), signs.strict(f)
        if found is not None and (found[0] != 0 or e % 2 == 0):
            used += [found[1]] * (e if found[1].op == ">" else e // 2)
            sign *= found[0] ** (e % 2)
        elif e % 2 == 0:
            rest *= f ** (e // 2)
        else:
            return None
    if sign < 0 or rest == 1:
        return None
    negation, derived, names = begin("==", rest)
    for s in (negation, *used):
        product *= s.factor
    c = -r.poly.leading_coefficient() / product.leading_coefficient()
    return Cut(rest, names, negation, Combine((Term(c / c, (r,)), Term(c, (negation, *used))), ()), derived, r)


def rewritten(r: Relation, equalities: Sequence[Relation]) -> Cut | None:
    """``r`` with the equalities inserted, where that makes it simpler."""
    others = [e for e in equalities if e is not r]
    if not others or r.poly.is_constant():
        return None
    q, multiples = Rewriting(others)(r.poly)
    if q == r.poly or (len(q) >= len(r.poly) and not _splits(q, r.poly)):
        return None
    negation, derived, names = begin(r.op, q)
    unit = r.poly.leading_coefficient() / r.poly.leading_coefficient()
    p = r.poly
    if r.op == "==":  # q² = q·(p − m)
        cofactors = {r: -q, **{e: q * m for e, m in multiples.items()}}
        leaf = Combine((Term(unit, (negation,)),), tuple(cofactors.items()))
    elif r.op == "!=":  # p² = p·(q + m)
        cofactors = {negation: -p, **{e: -(p * m) for e, m in multiples.items()}}
        leaf = Combine((Term(unit, (r,)),), tuple(cofactors.items()))
    else:
        leaf = Combine((Term(unit, (r,)), Term(unit, (negation,))), tuple((e, -m) for e, m in multiples.items()))
    return Cut(q, names, negation, leaf, derived, r)


def _splits(q: Poly, p: Poly) -> bool:
    def factors(a: Poly) -> int:
        return 0 if a.is_constant() else sum(int(e) for _, e in a.factor()[1])

    return q.is_constant() or factors(q) > factors(p)


def _freed(r: Relation, factors: Sequence[tuple[Poly, Any]], signs: Signs) -> Cut | None:
    """From f²·g = 0 and g ≠ 0 follows f = 0; from f²·g ≠ 0 follows f·g ≠ 0."""
    one = r.poly.context().constant(1)
    rest, used = one, list[Relation]()
    for f, power in factors:
        found = signs.strict(f) if r.op == "==" else None
        if found is None:
            rest *= f
        else:
            used += [found[1]] * (int(power) * (2 if found[1].op == ">" else 1))
    if not used and all(e == 1 for _, e in factors):
        return None
    negation, derived, names = begin(r.op, rest)
    unit = r.poly.leading_coefficient() / r.poly.leading_coefficient()
    if r.op == "!=":
        return Cut(rest, names, negation, _leaf(unit, (r,), negation), derived, r)
    highest = max(int(e) for _, e in factors)
    return Cut(rest, names, negation, _leaf(unit, (*[negation] * highest, *used), r), derived, r)


def _leaf(unit: Any, factors: Sequence[Relation], equality: Relation) -> Combine:
    """A positive product of factors that is a multiple of an equality."""
    product = equality.poly.context().constant(1)
    for s in factors:
        product *= s.factor
    quotient, remainder = divmod(product, equality.poly)
    assert remainder == 0, "every factor of the equality is among those of the product"
    return Combine((Term(unit, tuple(factors)),), ((equality, -quotient),))


def factors_of(relations: Sequence[Relation]) -> Iterator[Poly]:
    """The irreducible factors of all polynomials, each once."""
    seen = set()
    for r in relations:
        if r.poly != 0 and not r.poly.is_constant():
            for f, _ in r.poly.factor()[1]:
                if str(f) not in seen:
                    seen.add(str(f))
                    yield f
