"""Division by equalities, with the multiples that were subtracted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sam_theory.engines._multipliers._tree import Poly, Relation

_ROUNDS = 24

#: Multiples of equalities: Σ cofactor · polynomial of the equality.
Multiples = dict[Relation, Poly]


@dataclass(frozen=True)
class Rule:
    """x^power = x^power − poly, where ``poly`` is the combination ``multiples`` of the equalities."""

    variable: int
    power: int
    poly: Poly
    multiples: Multiples


class Rewriting:
    """Rewrites powers of variables by the equalities that are solved for them.

    ``rest`` are the equalities that are not: no power of a variable stands alone in them with a constant coefficient.
    """

    def __init__(self, equalities: Sequence[Relation]) -> None:
        self.rules: list[Rule] = []
        self.rest: list[tuple[Poly, Multiples]] = []  # divided by leading terms
        todo: list[tuple[Poly, Multiples]] = [(e.poly, {e: e.poly.context().constant(1)}) for e in equalities]
        while todo:
            todo = [(p, m) for p, m in (self._again(p, m) for p, m in todo) if p != 0]
            best = min(
                ((power, len(p), n, x) for n, (p, _) in enumerate(todo) for x, power in _solvable(p)), default=None
            )
            if best is None:
                break
            power, _, n, x = best
            p, multiples = todo.pop(n)
            c = _leading(p, x, power)
            self.rules.append(Rule(x, power, p / c, {e: q / c for e, q in multiples.items()}))
        self.rest = todo

    def _again(self, p: Poly, multiples: Multiples) -> tuple[Poly, Multiples]:
        q, found = self(p)
        return q, _sum(multiples, found, -1)

    def __call__(self, p: Poly) -> tuple[Poly, Multiples]:
        """A normal form q and the multiples m with p = q + Σ m."""
        total: Multiples = {}
        for _ in range(_ROUNDS):
            changed = False
            for rule in self.rules:
                while p.degrees()[rule.variable] >= rule.power:
                    quotient = _quotient(p, rule.variable, rule.power)
                    p = p - quotient * rule.poly
                    total = _sum(total, rule.multiples, quotient)
                    changed = True
            for e, multiples in self.rest:
                quotient, remainder = divmod(p, e)
                if quotient != 0:
                    p, changed = remainder, True
                    total = _sum(total, multiples, quotient)
            if not changed:
                break
        return p, total


def _sum(a: Multiples, b: Multiples, factor: Any) -> Multiples:
    result = dict(a)
    for e, q in b.items():
        result[e] = result[e] + q * factor if e in result else q * factor
    return result


def _quotient(p: Poly, x: int, power: int) -> Poly:
    """Σ of the terms of p with at least that power of x, divided by it."""
    kept = {(*m[:x], m[x] - power, *m[x + 1 :]): c for m, c in p.to_dict().items() if m[x] >= power}
    return p.context().from_dict(kept)


def _leading(p: Poly, x: int, power: int) -> Any:
    [(_, c)] = [(m, c) for m, c in p.to_dict().items() if m[x] == power]
    return c


def _solvable(p: Poly) -> list[tuple[int, int]]:
    """Variables whose highest power stands alone with a constant coefficient."""
    found = []
    monomials = list(p.to_dict())
    for x, power in enumerate(p.degrees()):
        if power:
            top = [m for m in monomials if m[x] == power]
            if len(top) == 1 and sum(top[0]) == power:
                found.append((x, int(power)))
    return found
