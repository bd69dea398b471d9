"""The form ``proof``: every goal of the theorem's proof is rebuilt here and closed by what the certificate holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from sam_theory.checker._goals import goals_of
from sam_theory.checker._polynomials import Flat, Poly, relation
from sam_theory.checker._refutation import Rejected, verify
from sam_theory.checker._replay import smt_status, solution
from sam_theory.checker._space import NotChecked
from sam_theory.checker._systems import Data, _above, close

__all__ = ["DENIALS", "admits_something", "check_proof"]

#: what must be refuted before a denominator has a sign
DENIALS: dict[str, tuple[str, int]] = {"+": (">=", -1), "-": (">=", 1), "!=": ("==", 1)}


@dataclass
class _Reader:
    """An oracle that believes nothing but the entries of a certificate, each of which is verified."""

    entries: Iterator[Any]
    trees: int = 0
    replayed: int = 0
    shown: bool = False
    tried: int = field(default=0, repr=False)

    def _next(self) -> Any:
        try:
            return next(self.entries)
        except StopIteration:
            raise Rejected("the certificate has fewer entries than the proof has cases") from None

    def refute(self, system: Data) -> None:
        self._closed(self._next(), system)

    def _closed(self, entry: Any, system: Data) -> None:
        if entry == "replay":
            status, _ = smt_status(system)
            if status != "unsat":
                raise Rejected(f"z3 does not confirm a case that the certificate leaves to it: {status}")
            self.replayed += 1
        else:
            verify(entry, system)
            self.trees += 1

    def sign(self, known: Data, p: Poly) -> str | None:
        entry = self._next()
        if entry == "later":
            return None
        if not isinstance(entry, dict) or set(entry) != {"sign", "because"} or entry["sign"] not in DENIALS:
            raise Rejected("the sign of a denominator is expected: an object with sign and because")
        op, factor = DENIALS[entry["sign"]]
        self._closed(entry["because"], [*known, relation(op, {m: factor * c for m, c in p.items()})])
        return str(entry["sign"])

    def solution(self, known: Data) -> None:
        if not self.shown and self.tried < 3:
            self.tried += 1
            self.shown = solution(known) is not None


def admits_something(theorem: Any) -> None:
    """The hypotheses have an exact solution, found and verified here.

    Raises NotChecked where none is found.
    """
    flat = Flat({})
    system = [r for h in theorem.all_hypotheses for r in [_above(h, flat)] if r is not None]
    cleared = [relation(op, _times(q.numerator, q.below, op)) for op, q in (*system, *flat.side)]
    if solution(cleared) is None:
        raise NotChecked("no rational parameters were found that satisfy the hypotheses")


def _times(p: Poly, below: Any, op: str) -> Poly:
    from sam_theory.checker._polynomials import product

    for a, k in below.items():
        p = product(p, dict(a)) if k % 2 else p
    return p


def check_proof(theorem: Any, body: Any) -> str:
    """What the proof rests on, in words.

    Raises Rejected if the certificate does not prove the theorem, NotChecked if it cannot be told.
    """
    if not isinstance(body, dict) or set(body) != {"goals"} or not isinstance(body["goals"], list):
        raise Rejected("the body of a proof is an object with the list 'goals'")
    admits_something(theorem)
    goals, given = goals_of(theorem), body["goals"]
    if len(goals) != len(given):
        raise Rejected(f"the proof has {len(goals)} goals, the certificate speaks of {len(given)}")
    trees = replayed = identities = hidden = 0
    for goal, entry in zip(goals, given, strict=True):
        if not isinstance(entry, dict) or set(entry) != {"goal", "steps"} or not isinstance(entry["steps"], list):
            raise Rejected("a goal is an object with its name and the list 'steps'")
        if entry["goal"] != goal.name:
            raise Rejected(f"the goal '{goal.name}' is expected, the certificate has {str(entry['goal'])[:60]!r}")
        reader = _Reader(iter(entry["steps"]))
        try:
            close(goal, reader)
        except Rejected as problem:
            raise Rejected(f"goal '{goal.name}': {problem}") from None
        if next(reader.entries, None) is not None:
            raise Rejected(f"goal '{goal.name}': the certificate has more entries than the proof has cases")
        trees, replayed = trees + reader.trees, replayed + reader.replayed
        identities += not (reader.trees or reader.replayed)
        hidden += bool(reader.tried) and not reader.shown
    lemmas = [item.name for item in theorem.proof if hasattr(item, "premises")]
    said = [f"{len(goals)} goals: {trees} exact refutations, {identities} goals by expansion alone"]
    said += [f"{replayed} cases rest on z3 (replay)"] if replayed else []
    said += [f"{hidden} goals whose assumptions were not shown satisfiable by rationals"] if hidden else []
    said += [f"from the lemmas {', '.join(dict.fromkeys(lemmas))}"] if lemmas else []
    return "; ".join(said)


_ = sp
