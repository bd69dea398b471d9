"""Proofs as data: the checker's own goals, closed by multipliers, or left to z3 where none are found."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sam_theory.checker import DENIALS, Rejected, canonical, close, goals_of, smt_status
from sam_theory.engines._multipliers import brief, refute

__all__ = ["proof_body"]

#: z3's resource units for a sign that may be another one, and for a case that must be closed
_SIGN_UNITS, _UNITS = 1_000_000, 20_000_000
#: columns of linear programs for one case: most are closed by a few hundred, and the rest is left to z3
_COLUMNS = 2_000
#: terms of a system beyond which a quarter of them has to suffice
_LARGE = 150


def proof_body(theorem: Any) -> dict[str, Any]:
    """The body of a certificate of the form ``proof``.

    Raises Rejected or NotChecked where the checker's goals cannot be closed.
    """
    goals = []
    counts = {"trees": 0, "replay": 0, "later": 0}
    for goal in goals_of(theorem):
        writer = _Writer()
        close(goal, writer)
        goals.append({"goal": goal.name, "steps": writer.steps})
        for step in writer.steps:
            closed = step["because"] if isinstance(step, dict) and "because" in step else step
            counts[closed if isinstance(closed, str) else "trees"] += 1
    return {"counts": counts, "goals": goals}


@dataclass
class _Writer:
    """An oracle that finds and records what the checker will verify."""

    steps: list[Any] = field(default_factory=list)

    def refute(self, system: list[dict[str, Any]]) -> None:
        found = _closed(_Frozen(system), _UNITS)
        if found is None:
            raise Rejected(f"a case stays open: {system[-1]}")
        self.steps.append(found)

    def sign(self, known: list[dict[str, Any]], p: Any) -> str | None:
        for sign, (op, factor) in DENIALS.items():
            terms = [[str(factor * c), dict(m)] for m, c in sorted(p.items())]
            because = _closed(_Frozen([*known, {"op": op, "poly": terms}]), _SIGN_UNITS)
            if because is not None:
                self.steps.append({"sign": sign, "because": because})
                return sign
        self.steps.append("later")
        return None

    def solution(self, known: list[dict[str, Any]]) -> None:
        """The checker looks for solutions itself."""


class _Frozen:
    """A system as a key: many goals ask for the same sign."""

    def __init__(self, system: list[dict[str, Any]]) -> None:
        self.system = system
        self._key = repr(system)

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self._key == other._key


@lru_cache(maxsize=4096)
def _closed(frozen: _Frozen, units: int) -> Any:
    """A verified refutation of the system, ``replay`` if only z3 knows, None if not even z3.

    Short refutations come first, which z3 may miss; then z3 says where looking is worth while.
    """
    size = sum(len(r["poly"]) for r in frozen.system)
    tree = brief(frozen.system)
    if tree is None:
        if smt_status(frozen.system, units)[0] != "unsat":
            return None
        try:
            tree = refute(frozen.system, _COLUMNS if size <= _LARGE else _COLUMNS // 4)
        except Rejected:  # found, but larger than what the checker reads
            return "replay"
    return "replay" if tree is None else canonical(tree)
