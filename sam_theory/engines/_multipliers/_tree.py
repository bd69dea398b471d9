"""Relations and refutations while they are searched for: polynomials of FLINT, relations named by identity.

A relation is an object; only when a tree is written out does its place in the list become an index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import flint

from sam_theory.engines._multipliers._system import Data

Poly = Any  # flint.fmpq_mpoly

#: The relation that each case of a split appends: operator and sign of the polynomial.
CASES = {"<0": (">", -1), "<=0": (">=", -1), "=0": ("==", 1), "!=0": ("!=", 1), ">=0": (">=", 1), ">0": (">", 1)}


@dataclass(frozen=True, eq=False)
class Relation:
    """``poly op 0``."""

    op: str
    poly: Poly

    @property
    def strict(self) -> bool:
        """Whether its factor is positive, not only nonnegative."""
        return self.op in (">", "!=")

    @property
    def factor(self) -> Poly:
        """What is known to be nonnegative: the polynomial, or its square for ``!=``."""
        return self.poly * self.poly if self.op == "!=" else self.poly


@dataclass(frozen=True, eq=False)
class Term:
    """coefficient · square² · product of the factors of the relations."""

    coefficient: Any
    factors: tuple[Relation, ...]
    square: Poly | None = None


@dataclass(frozen=True, eq=False)
class Combine:
    """Terms and multiples of equalities that add up to 0, though one of them is positive."""

    terms: tuple[Term, ...]
    cofactors: tuple[tuple[Relation, Poly], ...]

    def used(self) -> set[Relation]:
        """The relations that occur."""
        return {r for t in self.terms for r in t.factors} | {e for e, _ in self.cofactors}


@dataclass(frozen=True, eq=False)
class Split:
    """The sign of a polynomial: a relation and a refutation for each case."""

    poly: Poly
    cases: tuple[tuple[str, Relation, Combine | Split], ...]
    _used: set[Relation] = field(default_factory=set)

    def used(self) -> set[Relation]:
        """The relations that occur, those of the cases left out."""
        if not self._used:
            for _, added, child in self.cases:
                self._used.update(child.used() - {added})
        return self._used


Node = Combine | Split


def split(poly: Poly, cases: Sequence[tuple[str, Relation, Node]]) -> Node:
    """A split, or one of its cases alone if that does without its relation."""
    for _, added, child in cases:
        if added not in child.used():
            return child
    return Split(poly, tuple(cases))


def case(name: str, poly: Poly) -> Relation:
    """The relation that a case adds."""
    op, sign = CASES[name]
    return Relation(op, poly * sign)


# -- plain data ----------------------------------------------------------------------------------------------------
def read(relations: Sequence[Data]) -> list[Relation]:
    """The relations over one ring of polynomials."""
    names = sorted({x for r in relations for _, m in r["poly"] for x in m})
    size = max(1, len(names))
    context = flint.fmpq_mpoly_ctx.get([f"x{i}" for i in range(size)], "degrevlex")
    place = {x: i for i, x in enumerate(names)}

    def poly(terms: Sequence[Any]) -> Poly:
        entries = {}
        for c, m in terms:
            exponents = [0] * size
            for x, k in m.items():
                exponents[place[x]] = k
            p, _, q = c.partition("/")
            entries[tuple(exponents)] = flint.fmpq(int(p), int(q or 1))
        return context.from_dict(entries)

    return [Relation(r["op"], poly(r["poly"])) for r in relations]


def write(node: Node, relations: Sequence[Data], known: Sequence[Relation]) -> dict[str, Any]:
    """The tree as plain data, for ``relations`` which were read as ``known``."""
    names = sorted({x for r in relations for _, m in r["poly"] for x in m})

    def poly(p: Poly) -> list[Any]:
        return [[str(c), {names[i]: int(k) for i, k in enumerate(m) if k}] for m, c in p.terms()]

    def written(node: Node, place: dict[Relation, int]) -> dict[str, Any]:
        if isinstance(node, Split):
            cases = {name: written(child, {**place, added: len(place)}) for name, added, child in node.cases}
            return {"split": poly(node.poly), "cases": cases}
        terms: list[dict[str, Any]] = []
        for t in node.terms:
            own = {"coefficient": str(t.coefficient), "factors": sorted(place[r] for r in t.factors)}
            terms.append(own if t.square is None else {**own, "square": poly(t.square)})
        terms += [{"equality": place[e], "cofactor": poly(c)} for e, c in node.cofactors]
        return {"combine": terms}

    return written(node, {r: i for i, r in enumerate(known)})


def leaves(node: Node) -> Iterator[Combine]:
    """The contradictions at the leaves."""
    if isinstance(node, Combine):
        yield node
    else:
        for _, _, child in node.cases:
            yield from leaves(child)
