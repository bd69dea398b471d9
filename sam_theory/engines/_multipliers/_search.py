"""The search for a refutation: leaves, cuts and splits, simplest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sam_theory.engines._multipliers._combine import Column, Products, completed, scaled, solve, squares
from sam_theory.engines._multipliers._oracle import Oracle
from sam_theory.engines._multipliers._rewrite import Rewriting
from sam_theory.engines._multipliers._simplify import Cut, Signs, begin, divided, factors_of, rewritten
from sam_theory.engines._multipliers._tree import Combine, Node, Poly, Relation, Term, case, split

_DEPTH = 10


class Spent(Exception):
    """The budget is used up."""


@dataclass
class Search:
    """``units`` are the columns that linear programs may still have."""

    oracle: Oracle
    one: Poly
    units: int

    def refute(self, known: Sequence[Relation], depth: int = 0) -> Node | None:
        """A refutation of ``known``, or None.

        Raises Spent if the budget ends first.
        """
        found: Node | None = self.leaf(known, 1, 0, 300) or self.leaf(known, 1, 1, 300)
        if found is not None or self.oracle.contradictory(known) is False or depth > _DEPTH:
            return found
        cuts, known = self.simplified(known)
        known = [r for r in known if r.op not in (">=", "==") or r.poly != 0]
        found = self.leaf(known, 2, 1, 400) if cuts else None
        if found is None:
            core = self.oracle.core(known) if self.oracle.contradictory(known) else list(known)
            found = (
                self.leaf(core, 1, 2, 400)
                or self.leaf(core, 2, 1, 1000)
                or self.leaf(core, 2, 1, 500, 300)
                or self.by_case(known, core, depth)
                or self.leaf(core, 2, 2, 1500)
                or self.leaf(core, 3, 1, 2000)
                or self.leaf(core, 3, 2, 2000, 600)
            )
        if found is None:
            return None
        for cut in reversed(cuts):
            found = cut.then(found)
        return found

    # -- leaves ----------------------------------------------------------------------------------------------------
    def leaf(self, known: Sequence[Relation], count: int, rounds: int, limit: int, square: int = 0) -> Combine | None:
        """One contradiction from products of at most ``count`` factors and monomials, with squares if wanted."""
        rewriting = Rewriting([r for r in known if r.op == "=="])
        source = Products(known, self.one)
        base = source.plain(count)
        if len(base) > limit:
            return None
        columns = scaled(source, base, rewriting, rounds, limit)
        if square:
            for f in factors_of(known):
                columns.append(Column(f * f, Term(1, (), f), rewriting))
            binomials = list(squares(columns, square))
            for s in [*binomials, *(s for r in known for s in completed(rewriting(r.poly)[0]))]:
                columns.append(Column(s * s, Term(1, (), s), rewriting))
        self.spend(len(columns))
        return solve(columns)

    def spend(self, units: int) -> None:
        """Count work."""
        self.units -= units
        if self.units < 0:
            raise Spent

    # -- cuts ------------------------------------------------------------------------------------------------------
    def simplified(self, known: Sequence[Relation]) -> tuple[list[Cut], list[Relation]]:
        """Cuts, and the relations with what they derive."""
        cuts: list[Cut] = []
        known = list(known)
        tried: set[str] = set()
        while True:
            cut = self.division(known) or self.sign(known, tried)
            if cut is None:
                return cuts, known
            cuts.append(cut)
            known = [*(r for r in known if r is not cut.replaced), cut.derived]
            if len(cuts) > 40:
                return cuts, known

    def division(self, known: Sequence[Relation]) -> Cut | None:
        """A relation without a factor, or with the equalities inserted."""
        signs = Signs(known)
        cut = next((cut for r in known if (cut := divided(r, signs)) is not None), None)
        equalities = [r for r in known if r.op == "=="]
        return cut or next((cut for r in known if (cut := rewritten(r, equalities)) is not None), None)

    def sign(self, known: Sequence[Relation], tried: set[str]) -> Cut | None:
        """The sign of a factor whose sign is not among the relations."""
        signs = Signs(known)
        open_ones = [f for f in factors_of(known) if str(f) not in tried and signs.strict(f) is None]
        background = self.background(known) if open_ones else []
        for f in open_ones:
            tried.add(str(f))
            for op, sign in ((">", 1), (">", -1), ("!=", 1), (">=", 1), (">=", -1)):
                if op == ">=" and signs.weak(f, sign):
                    continue
                negation, derived, names = begin(op, f * sign)
                if op == ">=" and any(r.op == "==" and r.poly in (f, -f) for r in known):
                    continue
                if self.oracle.contradictory([*background, negation]) is not True:
                    continue
                core = self.oracle.core([*background, negation])
                leaf = self.leaf(core, 2, 1, 300) or self.leaf(core, 2, 1, 300, 100) or self.leaf(core, 3, 1, 400)
                if leaf is not None:
                    return Cut(f * sign, names, negation, leaf, derived)
        return None

    def background(self, known: Sequence[Relation]) -> list[Relation]:
        """What remains satisfiable: without the largest relations that a contradiction needs."""
        kept = list(known)
        while kept and self.oracle.contradictory(kept) is True:
            largest = max(self.oracle.core(kept), key=lambda r: len(r.poly))
            kept = [r for r in kept if r is not largest]
        return kept

    # -- splits ----------------------------------------------------------------------------------------------------
    def by_case(self, known: Sequence[Relation], core: Sequence[Relation], depth: int) -> Node | None:
        """The cases of a factor of an equality."""
        for f, names in self.splits(core):
            cases: list[tuple[str, Relation, Node]] = []
            for name in names:
                added = case(name, f)
                found = self.refute([*known, added], depth + 1)
                if found is None:
                    break
                cases.append((name, added, found))
                if added not in found.used():
                    return found
            else:
                return split(f, cases)
        return None

    def splits(self, core: Sequence[Relation]) -> Iterator[tuple[Poly, tuple[str, ...]]]:
        """Polynomials whose sign is worth a split, with the cases."""
        for r in core:
            if r.op == "==" and not r.poly.is_constant():
                factors = [f for f, _ in r.poly.factor()[1]]
                if len(factors) > 1:
                    yield min(factors, key=len), ("=0", "!=0")
                    return
