"""The form ``proof``: every goal of the theorem's proof is rebuilt here and closed by what the certificate holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sam_theory.checker._goals import Goal, goals_of
from sam_theory.checker._polynomials import Flat, Poly, product, relation
from sam_theory.checker._refutation import verify
from sam_theory.checker._rejected import Rejected
from sam_theory.checker._replay import smt_status, solution
from sam_theory.checker._space import NotChecked
from sam_theory.checker._systems import Data, above, close

__all__ = ["DENIALS", "admits_something", "canonical", "check_proof"]

#: what must be refuted before a denominator has a sign
DENIALS: dict[str, tuple[str, int]] = {"+": (">=", -1), "-": (">=", 1), "!=": ("==", 1)}


def canonical(tree: Any) -> Any:
    """A refutation with terms and monomials in a fixed order: the only one that is accepted."""
    if isinstance(tree, dict) and set(tree) == {"split", "cases"}:
        return {"split": _ordered(tree["split"]), "cases": {k: canonical(v) for k, v in tree["cases"].items()}}
    terms = [{k: _ordered(v) if k in ("square", "cofactor") else v for k, v in t.items()} for t in tree["combine"]]
    return {"combine": _ordered(terms)}


def _ordered(entries: list[Any]) -> list[Any]:
    return sorted(entries, key=lambda e: json.dumps(e, sort_keys=True))


@dataclass
class _Reader:
    """An oracle that believes nothing but the entries of a certificate, each of which is verified."""

    entries: Iterator[Any]
    #: how many entries of each sort were read
    counts: Counter[str] = field(default_factory=Counter)
    shown: bool = False
    tried: int = 0

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
            self.counts["replay"] += 1
        else:
            verify(entry, system)
            if canonical(entry) != entry:
                raise Rejected("the terms of a refutation are not in their order")
            self.counts["trees"] += 1

    def sign(self, known: Data, p: Poly) -> str | None:
        entry = self._next()
        if entry == "later":
            self.counts["later"] += 1
            return None
        if not isinstance(entry, dict) or set(entry) != {"sign", "because"} or entry["sign"] not in DENIALS:
            raise Rejected("the sign of a denominator is expected: an object with sign and because")
        op, factor = DENIALS[entry["sign"]]
        self._closed(entry["because"], [*known, relation(op, {m: factor * c for m, c in p.items()})])
        return str(entry["sign"])

    def solution(self, known: Data) -> None:
        if not self.shown and self.tried < 6:
            self.tried += 1
            self.shown = solution(known) is not None


def admits_something(theorem: Any) -> None:
    """The hypotheses have an exact solution, found and verified here.

    Raises NotChecked where none is found.
    """
    flat = Flat({})
    system = [r for h in theorem.all_hypotheses for r in [above(h, flat)] if r is not None]
    divisors = dict.fromkeys([*flat.divided, *(a for _, q in system for a in q.below)])
    data = [relation("!=", dict(a)) for a in divisors]
    for op, q in (*system, *flat.side):
        p = q.numerator
        for a, k in q.below.items():
            p = product(p, dict(a)) if k % 2 else p
        data.append(relation(op, p))
    if solution(data) is None:
        raise NotChecked("no rational parameters were found that satisfy the hypotheses")


def check_proof(theorem: Any, body: Any) -> str:
    """What the proof rests on, in words.

    Raises Rejected if the certificate does not prove the theorem, NotChecked if it cannot be told.
    """
    if not isinstance(body, dict) or set(body) != {"counts", "goals"} or not isinstance(body["goals"], list):
        raise Rejected("the body of a proof is an object with 'counts' and the list 'goals'")
    admits_something(theorem)
    try:
        goals = goals_of(theorem)
    except NotChecked as problem:
        raise Rejected(f"this is no proof that can be followed: {problem}") from None
    if len(goals) != len(body["goals"]):
        raise Rejected(f"the proof has {len(goals)} goals, the certificate speaks of {len(body['goals'])}")
    counts: Counter[str] = Counter()
    hidden = 0
    for goal, entry in zip(goals, body["goals"], strict=True):
        reader = _read(goal, entry)
        counts += reader.counts
        counts["expansion"] += not reader.counts
        hidden += bool(reader.tried) and not reader.shown
    said_counts = {name: counts[name] for name in ("trees", "replay", "later")}
    if body["counts"] != said_counts:
        raise Rejected(f"the entries are {said_counts}, the file counts {str(body['counts'])[:60]}")
    lemmas = [item.name for item in theorem.proof if hasattr(item, "premises")]
    said = [f"{len(goals)} goals, {counts['expansion']} by expansion; {counts['trees']} exact refutations"]
    said += [f"{counts['replay']} cases rest on z3 (replay)"] if counts["replay"] else []
    said += [f"{hidden} goals without a rational solution of their assumptions at hand"] if hidden else []
    said += [f"from the lemmas {', '.join(dict.fromkeys(lemmas))}"] if lemmas else []
    return "; ".join(said)


def _read(goal: Goal, entry: Any) -> _Reader:
    """The entries of one goal, all of them verified."""
    if not isinstance(entry, dict) or set(entry) != {"goal", "steps"} or not isinstance(entry["steps"], list):
        raise Rejected("a goal is an object with its name and the list 'steps'")
    if entry["goal"] != goal.name:
        raise Rejected(f"the goal '{goal.name}' is expected, the certificate has {str(entry['goal'])[:60]!r}")
    reader = _Reader(iter(entry["steps"]))
    try:
        close(goal, reader)
    except (Rejected, NotChecked) as problem:
        raise Rejected(f"goal '{goal.name}': {problem}") from None
    if next(reader.entries, None) is not None:
        raise Rejected(f"goal '{goal.name}': the certificate has more entries than the proof has cases")
    return reader
