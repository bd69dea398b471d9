"""From a goal to polynomial systems without a solution: the negation of the goal, case by case.

The same code runs where a certificate is written and where it is checked; what differs is the oracle, which is
asked in a fixed order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import sympy as sp

from sam_theory.checker._goals import Goal, Statement, relate
from sam_theory.checker._polynomials import Atom, Flat, Poly, Quotient, primitive, product, relation, variables
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._space import Fork

__all__ = ["Oracle", "above", "close"]

_NEGATED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}
#: more cases than this are no proof that anybody would want to check
_CASES = 4096

Relation = tuple[str, Quotient]
Data = list[dict[str, Any]]


class Oracle(Protocol):
    """What knows, or shows, that systems have no solution."""

    def refute(self, system: Data) -> None:
        """Show that the system has no solution; raises Rejected otherwise."""

    def sign(self, known: Data, p: Poly) -> str | None:
        """``+``, ``-`` or ``!=`` as the known relations say of p; None: nothing yet."""

    def solution(self, known: Data) -> None:
        """The known relations of one case: an exact solution shows that the proof is not empty."""


def close(goal: Goal, oracle: Oracle) -> int:
    """Ask the oracle for everything that proves ``goal``; the number of cases."""
    todo: list[dict[Any, str]] = [{}]
    count = 0
    while todo:
        choices = todo.pop()
        try:
            case = _Case.of(goal.build(choices), choices)
        except Fork as fork:
            todo += [{**choices, fork.key: c} for c in reversed(fork.choices)]
            if len(todo) + count > _CASES:
                raise Rejected(f"{goal.name}: more than {_CASES} cases") from None
            continue
        count += 1
        case.close(oracle)
    return count


def above(e: Any, flat: Flat) -> Relation | None:
    """A relation as ``quotient op 0`` with op one of >=, >, ==, !=; None where it is true by itself."""
    if e in (True, sp.true):
        return None
    if e in (False, sp.false):
        return (">", Quotient({}))
    difference = flat(e.lhs) + flat(e.rhs).scaled(-1)
    return (e.rel_op, difference) if e.rel_op[0] != "<" else ({"<": ">", "<=": ">="}[e.rel_op], difference.scaled(-1))


def _negated(e: Any) -> Any:
    return relate(e.lhs, _NEGATED[e.rel_op], e.rhs)


def _chosen(statement: Statement, choices: Mapping[Any, str]) -> list[Any]:
    """What is known, with each clause either applied or one of its conditions denied."""
    known = list(statement.known)
    for i, (conditions, conclusion) in enumerate(statement.clauses):
        missing = [c for c in conditions if c not in known]
        choice = choices.get(("clause", i), None if missing else "holds")
        if choice is None:
            raise Fork(("clause", i), ("holds", *(f"fails {j}" for j in range(len(missing)))))
        known += [*missing, conclusion] if choice == "holds" else [_negated(missing[int(choice[6:])])]
    return known


@dataclass
class _Case:
    """One case of a goal: relations, the denied aim, and the roots that occur."""

    flat: Flat
    pending: list[Relation]
    aim: Relation | None
    signs: dict[Atom, str] = field(default_factory=dict)
    known: list[tuple[str, Poly]] = field(default_factory=list)
    admitted: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, statement: Statement, choices: Mapping[Any, str]) -> _Case:
        flat = Flat(choices)
        for r in statement.known:
            if getattr(r, "lhs", None) is not None and r.lhs.is_Symbol and r.rhs == 0 and r.rel_op in (">", ">="):
                (flat.positive if r.rel_op == ">" else flat.nonnegative).add(r.lhs.name)
        found = [above(e, flat) for e in _chosen(statement, choices)]
        aim = above(statement.aim, flat)
        for e in statement.divided:
            if not flat.surely(flat(e).numerator, strict=True):
                flat.divided += flat(e).inverse().below
            flat.divided += flat(e).below
        return cls(flat, [r for r in (*found, *flat.decided(), *flat.side) if r is not None], aim)

    def close(self, oracle: Oracle) -> None:
        """Ask for the signs of denominators, for radicands, and for what excludes the denied aim."""
        trivial = self.aim is None or (not self.aim[1].numerator and self.aim[0] in ("==", ">="))
        needed = self._needed() if trivial else {name for name, _ in self.flat.roots}
        self._clear(oracle)
        for name, radicand in self.flat.roots:
            if name in needed:
                self._radicand(radicand, oracle)
                self.admitted.add(name)
                self._clear(oracle)
        if not trivial and self.pending:
            self._decide([a for _, q in self.pending for a in q.below], oracle, required=True)
            self._clear(oracle)
        divided = [*self.flat.divided, *(self.aim[1].below if self.aim is not None else ())]
        self._decide(divided, oracle, required=True)
        if trivial or self.aim is None:
            return
        oracle.solution(self._data())
        op, q = self.aim
        p = self._cleared(q, even=op in ("==", "!="))
        denied = {">=": [(">", -1)], ">": [(">=", -1)], "!=": [("==", 1)], "==": [(">", 1), (">", -1)]}[op]
        for denial, sign in denied:
            oracle.refute([*self._data(), relation(denial, primitive({m: sign * c for m, c in p.items()}))])

    def _data(self) -> Data:
        """What is known, each polynomial once and with the stronger relation, so that no index has a double."""
        found: dict[Any, str] = {}
        for op, p in self.known:
            if p or op in (">", "!="):
                key = (op[0], tuple(sorted(primitive(p).items())))
                found[key] = op if op == ">" else found.get(key, op)
        return [relation(op, dict(p)) for (_, p), op in found.items()]

    def _needed(self) -> set[str]:
        """The roots in the denominators of the aim: an identity of equal terms needs no others."""
        needed = {x for a in self.aim[1].below for x in variables(dict(a))} if self.aim is not None else set()
        for name, q in reversed(self.flat.roots):
            needed |= _names(q) if name in needed else set()
        return needed

    def _clear(self, oracle: Oracle) -> None:
        """Move to ``known`` what speaks of admitted roots alone and has denominators of known sign."""
        outside = {name for name, _ in self.flat.roots} - self.admitted
        while ready := [r for r in self.pending if not _names(r[1]) & outside]:
            fine = [r for r in ready if all(a in self.signs for a in r[1].below)]
            for r in fine:
                self.pending.remove(r)
                self.known.append((r[0], self._cleared(r[1], even=r[0] in ("==", "!="))))
            if not fine and not self._decide([a for r in ready for a in r[1].below], oracle):
                return

    def _decide(self, atoms: list[Atom], oracle: Oracle, required: bool = False) -> bool:
        """Learn the sign of one of the atoms, or of all of them where that is required."""
        for a in dict.fromkeys(atoms):
            if a not in self.signs:
                sign = "+" if self.flat.surely(dict(a), strict=True) else oracle.sign(self._data(), dict(a))
                if sign is not None:
                    self.signs[a] = sign
                    if not required:
                        return True
                elif required:
                    raise Rejected(f"nothing says that the denominator {_shown(dict(a))} does not vanish")
        return required

    def _radicand(self, q: Quotient, oracle: Oracle) -> None:
        self._decide(list(q.below), oracle, required=True)
        p = self._cleared(q, even=False)
        if not self.flat.surely(p, strict=False):
            oracle.refute([*self._data(), relation(">", {m: -c for m, c in p.items()})])

    def _cleared(self, q: Quotient, even: bool) -> Poly:
        """The numerator with the sign of the quotient (``even``: with its zeros)."""
        p = q.numerator
        for a, k in () if even else q.below.items():
            if k % 2 and self.signs[a] != "+":
                p = product(p, dict(a)) if self.signs[a] == "!=" else {m: -c for m, c in p.items()}
        return p


def _names(q: Quotient) -> set[str]:
    return variables(q.numerator) | {x for a in q.below for x in variables(dict(a))}


def _shown(p: Poly) -> str:
    return " + ".join("*".join([str(c), *(f"{x}^{k}" for x, k in m)]) for m, c in p.items())
