"""A goal as a theorem of Coq: variables, named hypotheses, conclusion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.engines._formal._terms import Names, Printer, identifier, is_opaque
from sam_theory.engines._goal import Goal
from sam_theory.engines._smt import bare


@dataclass(frozen=True)
class Statement:
    """One theorem of a file.

    ``relations`` and ``aim`` are the same hypotheses and conclusion in SymPy.
    ``key`` is a hash of everything but the theorem's name: a recorded proof belongs to this statement alone.
    """

    title: str
    variables: tuple[str, ...]
    functions: tuple[tuple[str, int], ...]
    hypotheses: tuple[tuple[str, str], ...]
    conclusion: str
    relations: tuple[tuple[str, Any], ...]
    aim: Any
    names: Names

    @property
    def key(self) -> str:
        """A hash of the statement."""
        return hashlib.sha256(self.text("").encode()).hexdigest()[:20]

    def text(self, name: str) -> str:
        """The statement in Coq."""
        return f"Theorem {name} :\n{self.formula()}."

    def formula(self) -> str:
        """The proposition, without its name."""
        quantified = [f"forall ({f} : {' -> '.join(['R'] * (n + 1))})," for f, n in self.functions]
        if self.variables:
            quantified.append(f"forall {' '.join(self.variables)} : R,")
        lines = [f"  {q}" for q in quantified]
        lines += [f"  forall {name} : {claim}," for name, claim in self.hypotheses]
        return "\n".join([*lines, f"  {self.conclusion}"])

    def introduction(self) -> str:
        """The tactic that brings variables and hypotheses into the context."""
        names = [*(f for f, _ in self.functions), *self.variables, *(n for n, _ in self.hypotheses)]
        return f"intros {' '.join(names)}." if names else "intros."


def statement_of(goal: Goal) -> Statement:
    """The theorem for ``goal``; hypotheses on what occurs nowhere else are left out.

    Raises NotFormal where a formula has no translation.
    """
    aim = bare(goal.goal)
    facts = [(label, bare(f)) for label, f in zip(goal.labels, goal.facts, strict=True)]
    assumptions = _relevant([bare(a) for a in goal.assumptions], [aim, *(f for _, f in facts)])
    names = Names()
    printer = Printer(names)
    everything = [*assumptions, *(f for _, f in facts), aim]
    used = _Labels()
    relations = [(used.assumption(a, names), a) for a in assumptions]
    relations += [(used.fact(label), f) for label, f in facts if f != sp.true]
    hypotheses = [(name, printer.proposition(r)) for name, r in relations]
    conclusion = printer.proposition(aim)
    symbols = sorted({s.name for e in everything for s in getattr(e, "free_symbols", ())})
    applied = (f for e in everything if isinstance(e, sp.Basic) for f in e.atoms(sp.Function) if is_opaque(f))
    opaque = {type(f).__name__: len(f.args) for f in applied}
    return Statement(
        goal.name,
        tuple(map(names.symbol, symbols)),
        tuple((names.function(f), n) for f, n in sorted(opaque.items())),
        tuple(hypotheses),
        conclusion,
        tuple(relations),
        aim,
        names,
    )


def _relevant(assumptions: Sequence[Any], rest: Sequence[Any]) -> list[Any]:
    """Assumptions, each once, without ``x ≥ 0`` where x occurs nowhere else (leaving out makes a theorem stronger)."""
    kept = [a for a in dict.fromkeys(assumptions) if a not in (True, sp.true)]
    strict = {a.lhs for a in kept if isinstance(a, sp.StrictGreaterThan) and a.rhs == 0}
    result = []
    for a in kept:
        lone = isinstance(a, Relation) and a.rhs == 0 and a.lhs.is_Symbol
        others = [*rest, *(b for b in kept if b is not a)]
        if lone and not any(a.lhs in getattr(o, "free_symbols", ()) for o in others):
            continue
        if isinstance(a, sp.GreaterThan) and a.rhs == 0 and a.lhs in strict:
            continue
        if not a.free_symbols and sp.simplify(a) == sp.true:
            continue
        result.append(a)
    return result


class _Labels:
    """Names of hypotheses, each once."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def _fresh(self, wanted: str) -> str:
        chosen, count = wanted, 2
        while chosen in self._used:
            chosen, count = f"{wanted}_{count}", count + 1
        self._used.add(chosen)
        return chosen

    def assumption(self, a: Any, names: Names) -> str:
        """``beta_pos`` for β > 0, ``rho_nonneg`` for ρ ≥ 0, ``H1``, ``H2``, … for the others."""
        kinds = {sp.StrictGreaterThan: "pos", sp.GreaterThan: "nonneg", sp.Ne: "nonzero", sp.Eq: "zero"}
        if isinstance(a, Relation) and a.rhs == 0 and a.lhs.is_Symbol and type(a) in kinds:
            return self._fresh(f"{names.symbol(a.lhs.name)}_{kinds[type(a)]}")
        return self._fresh(f"H{sum(n.startswith('H') for n in self._used) + 1}")

    def fact(self, label: str) -> str:
        """The name of a fact, with the points at which it is used."""
        return self._fresh(identifier(label.split("#")[0]))
