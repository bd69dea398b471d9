"""The search for a refutation: leaves, cuts and splits, simplest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sam_theory.engines._multipliers._combine import Atom, Column, products, solve, squares
from sam_theory.engines._multipliers._oracle import Oracle
from sam_theory.engines._multipliers._rewrite import Rewriting
from sam_theory.engines._multipliers._simplify import Cut, Signs, begin, divided, factors_of
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
    verbose: bool = False

    def refute(self, known: Sequence[Relation], depth: int = 0) -> Node | None:
        """A refutation of ``known``, or None."""
        found: Node | None = self.leaf(known, 1, 300) or self.leaf(known, 2, 300)
        if found is not None or self.oracle.contradictory(known) is False or depth > _DEPTH:
            return found
        cuts, known = self.simplified(known)
        found = self.leaf(known, 2, 400) if cuts else None
        if found is None:
            core = self.oracle.core(known) if self.oracle.contradictory(known) else list(known)
            if self.verbose:
                print('  '*depth, 'cuts', [(c.poly, c.derived.op) for c in cuts], 'core', [(str(r.poly), r.op) for r in core])
            found = (
                self.leaf(core, 3, 1000)
                or self.leaf(core, 2, 300, square=True)
                or self.by_case(known, core, depth)
                or self.leaf(known, 3, 2000)
                or self.leaf(core, 3, 1500, square=True)
                or self.leaf(core, 4, 3000)
            )
        if found is None:
            return None
        for cut in reversed(cuts):
            found = cut.then(found)
        return found

    # -- leaves ----------------------------------------------------------------------------------------------------
    def leaf(self, known: Sequence[Relation], count: int, limit: int, square: bool = False, degree: int = 14) -> Combine | None:
        """One contradiction from products of at most ``count`` factors, with squares if wanted."""
        rewriting = Rewriting([r for r in known if r.op == "=="])
        atoms = [Atom(r.factor, r) for r in known if r.op != "=="]
        if square:
            signed = {str(r.poly) for r in known if r.op in (">", ">=")}
            used = [any(r.poly.degrees()[i] for r in known) for i in range(len(self.one.context().gens()))]
            atoms += [Atom(x * x, root=x) for i, x in enumerate(self.one.context().gens()) if used[i] and str(x) not in signed]
        columns: list[Column] = []
        for p, term in products(atoms, self.one, count, degree):
            columns.append(Column(p, rewriting, term))
            if len(columns) > limit:
                break
        if square:
            for f in factors_of(known):
                columns.append(Column(f * f, rewriting, Term(1, (), f)))
            for s in list(squares(columns, 600)):
                columns.append(Column(s * s, rewriting, Term(1, (), s)))
        self.spend(len(columns))
        return solve(columns)

    def spend(self, units: int) -> None:
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
        signs = Signs(known)
        return next((cut for r in known if (cut := divided(r, signs)) is not None), None)

    def sign(self, known: Sequence[Relation], tried: set[str]) -> Cut | None:
        """The sign of a factor whose sign is not among the relations."""
        signs = Signs(known)
        for f in factors_of(known):
            if str(f) in tried or signs.strict(f) is not None:
                continue
            tried.add(str(f))
            for op, sign in ((">", 1), (">", -1), ("!=", 1), (">=", 1), (">=", -1)):
                if op == ">=" and signs.weak(f, sign):
                    continue
                negation, derived, names = begin(op, f * sign)
                if self.oracle.contradictory([*known, negation]) is not True:
                    continue
                if op == ">=" and len([r for r in known if r.poly == f * sign]):
                    continue
                core = self.oracle.core([*known, negation])
                if negation not in core:
                    return None  # what is known is contradictory without it
                leaf = self.leaf(core, 2, 200) or self.leaf(core, 2, 200, square=True) or self.leaf(core, 3, 400)
                if leaf is not None:
                    return Cut(f * sign, names, negation, leaf, derived)
        return None

    # -- splits ----------------------------------------------------------------------------------------------------
    def by_case(self, known: Sequence[Relation], core: Sequence[Relation], depth: int) -> Node | None:
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
        for r in core:
            if r.op == "==" and not r.poly.is_constant():
                factors = [f for f, _ in r.poly.factor()[1]]
                if len(factors) > 1:
                    yield min(factors, key=len), ("=0", "!=0")
                    return
