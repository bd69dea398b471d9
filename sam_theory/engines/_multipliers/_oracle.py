"""z3 as a guide: which relations are needed, and which signs follow.  Nothing it says is part of a refutation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import z3

from sam_theory.engines._multipliers._tree import Relation

_RLIMIT = 1_000_000


class Oracle:
    """Answers whether relations over ``count`` variables have a common solution."""

    def __init__(self, count: int) -> None:
        self._context = z3.Context()
        self._variables = [z3.Real(f"x{i}", self._context) for i in range(count)]
        self._terms: dict[Relation, Any] = {}

    def contradictory(self, relations: Sequence[Relation], rlimit: int = _RLIMIT) -> bool | None:
        """Whether they have none; None if z3 gave up."""
        solver = z3.Tactic("qfnra-nlsat", ctx=self._context).solver()
        solver.set("rlimit", rlimit)
        solver.add(*map(self._term, relations))
        return {"unsat": True, "sat": False}.get(str(solver.check()))

    def core(self, relations: Sequence[Relation], fixed: int = 0) -> list[Relation]:
        """A part of contradictory relations that is still contradictory, and no longer without any other of them.

        The last ``fixed`` relations are kept.
        """
        kept = list(relations)
        free = kept[: len(kept) - fixed]
        for r in sorted(free, key=lambda r: -len(r.poly)):
            without = [s for s in kept if s is not r]
            if self.contradictory(without):
                kept = without
        return kept

    def _term(self, r: Relation) -> Any:
        if r not in self._terms:
            left = z3.Sum([z3.RealVal(0, self._context), *(self._monomial(m, c) for m, c in r.poly.terms())])
            self._terms[r] = {
                ">": lambda: left > 0,
                ">=": lambda: left >= 0,
                "==": lambda: left == 0,
                "!=": lambda: left != 0,
            }[r.op]()
        return self._terms[r]

    def _monomial(self, exponents: Sequence[int], coefficient: Any) -> Any:
        value: Any = z3.RealVal(str(coefficient), self._context)
        for x, k in zip(self._variables, exponents, strict=True):
            for _ in range(int(k)):
                value = value * x
        return value
