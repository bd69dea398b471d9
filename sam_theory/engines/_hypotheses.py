"""Whether each hypothesis of a theorem is needed: a witness where it fails, or a proof without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields

import numpy as np
import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import Coordinate, Dot, LossValue, Norm
from sam_theory.engines._budget import Budget
from sam_theory.engines._contrary import contradicted
from sam_theory.engines._prove import PROVERS, prove
from sam_theory.engines._search import attack
from sam_theory.engines._smt import satisfiable
from sam_theory.errors import InputError
from sam_theory.theorems import (
    Asymptotic,
    Instance,
    InterpolationData,
    Lemma,
    Step,
    Theorem,
    Weakened,
    relations,
    weakenings_of,
)
from sam_theory.verdicts import HypothesisOutcome, Verdict

#: A generator of random numbers of its own for each statement.
Generators = Callable[[str], np.random.Generator]


#: What of the state occurs in relations.
_NUMBERS = (Coordinate, Dot, LossValue, Norm)


def check_hypotheses(theorem: Theorem, budget: Budget, rng: Generators) -> tuple[HypothesisOutcome, ...]:
    """What dropping each hypothesis of ``theorem`` does.

    ``needed``: a witness was confirmed exactly where the hypothesis fails and all others hold, or the contrary that the
    theorem names was proved there.  ``not needed``: it follows from the others, or the provers close the same proof
    without it, or the one that the theorem gives for it (``without``).  ``open``: neither, also where an argument by
    hand is named.  A hypothesis without which the claim has no meaning is needed too: a denominator vanishes, or what a
    relative remainder is relative to.
    """
    known = [t.candidate for t in _corrected_by(theorem) if t.candidate is not None]
    return tuple(_outcome(w, budget, rng, known) for w in weakenings_of(theorem))


def _corrected_by(theorem: Theorem) -> list[Theorem]:
    """The false statements that ``theorem`` corrects: their counterexamples may be some without a hypothesis."""
    graph = relations()
    return [graph.theorems[other] for kind, other, _ in graph.of(theorem.slug) if kind == "corrects"]


def _outcome(
    weakened: Weakened, budget: Budget, rng: Generators, known: Sequence[Instance | InterpolationData] = ()
) -> HypothesisOutcome:
    name, reason = weakened.name, weakened.reason
    if weakened.dropped is not None:
        fails = (*weakened.others, sp.Not(weakened.dropped))
        if satisfiable(_on_states(fails), budget.rlimit) is False:
            return HypothesisOutcome(name, "not needed", None, "it follows from the other hypotheses", reason)
        zero = _meaningless(weakened, budget, everywhere=True)
        if zero is not None:
            said = f"without it the claim has no meaning: {zero} vanishes wherever it fails"
            return HypothesisOutcome(name, "needed", None, said, reason)
    nearest = ""
    shown = weakened.shown
    if isinstance(shown, Theorem):
        refuted = contradicted(weakened, shown, budget, rng(shown.slug))
        if refuted is not None:
            return HypothesisOutcome(name, "needed", None, refuted, reason)
    candidates = [shown, *known] if isinstance(shown, (Instance, InterpolationData)) else known
    suggested = [weakened.where_it_fails.with_(candidate=c) for c in candidates]
    on_the_state = weakened.dropped is None or bool(weakened.dropped.atoms(*_NUMBERS))
    for statement in (*suggested, weakened.where_it_fails, weakened.statement):
        restarted = statement.starts is None and on_the_state
        witness, nearest = attack(statement, budget, rng(statement.slug), at_rest=restarted)
        if witness is not None:
            said = f"false without it: {witness.observed} against {witness.bound}"
            return HypothesisOutcome(name, "needed", witness, said, reason)
    # An identity of rational functions is proved as one: that a formula has a value is for its hypotheses to say.
    zero = None if on_the_state else _meaningless(weakened, budget, everywhere=False)
    if zero is not None:
        said = f"without it the claim has no meaning where {zero} vanishes"
        return HypothesisOutcome(name, "needed", None, said, reason)
    own = weakened.statement.with_(proof=shown) if isinstance(shown, tuple) else weakened.statement
    if _proved(own, budget, rng):
        return HypothesisOutcome(name, "not needed", None, "proved without it", reason)
    by_hand = shown if isinstance(shown, str) else ""
    said = f"neither a witness nor a proof without it: {nearest}"
    return HypothesisOutcome(name, "open", None, said, reason or by_hand)


def _on_states(relations: Iterable[Relation]) -> tuple[Relation, ...]:
    """Relations with a symbol for each number that depends on the state, and what is known of its sign."""
    found = tuple(relations)
    symbols: dict[sp.Basic, sp.Symbol] = {}
    for atom in sorted({a for r in found for a in r.atoms(*_NUMBERS)}, key=sp.default_sort_key):
        symbols[atom] = sp.Dummy(f"v{len(symbols)}", real=True)
    squares = (Norm, Dot)
    signs = [s >= 0 for a, s in symbols.items() if isinstance(a, squares) and a.args[0] == a.args[-1]]
    return (*(r.xreplace(symbols) for r in found), *signs)


def _meaningless(weakened: Weakened, budget: Budget, everywhere: bool) -> sp.Expr | None:
    """What must not vanish for the claim to have a meaning, and does wherever the hypothesis fails, or somewhere.

    Where it holds with all others nothing of the kind may vanish: else the hypothesis is not to blame.  Somewhere is
    shown of parameters alone: numbers that solve relations on a state need not belong to a state.
    """
    dropped = weakened.dropped
    assert dropped is not None
    small = getattr(weakened.statement.claim, "small", None)
    # The limit of a small parameter at 0 is meant, not its value there.
    off = () if small is None or everywhere else (sp.Ne(small, 0),)

    def possible(*relations: Relation) -> bool | None:
        return satisfiable(_on_states((*weakened.others, *off, *relations)), budget.rlimit)

    for e in _never_zero(weakened.statement):
        if not everywhere and any(r.atoms(*_NUMBERS) for r in (e, *weakened.others)):
            continue
        if everywhere:
            if possible(sp.Not(dropped), sp.Ne(e, 0)) is False:
                return e
        elif possible(sp.Not(dropped), sp.Eq(e, 0)) is True and possible(dropped, sp.Eq(e, 0)) is False:
            return e
    return None


def _never_zero(theorem: Theorem) -> list[sp.Expr]:
    """The denominators of the claim, and the factors of a leading term, to which a remainder is relative."""
    claim, found = theorem.expanded_claim, []
    for e in claim.formulas():
        for p in sorted(e.atoms(sp.Pow), key=sp.default_sort_key):
            if p.exp.is_number and p.exp < 0:
                found.append(p.base)
    if isinstance(claim, Asymptotic):
        powers = (f.as_base_exp() for f in sp.Mul.make_args(sp.factor(claim.leading)))
        found += [base for base, power in powers if power.is_positive and base != claim.small]
    return [e for e in dict.fromkeys(found) if e.free_symbols or e.atoms(*_NUMBERS)]


def _proved(statement: Theorem, budget: Budget, rng: Generators) -> bool:
    """Whether the provers close the proof, without steps that nothing rests on; a fact it names may be gone."""
    try:
        evidence = prove(statement.with_(proof=_needed_steps(statement.proof)), PROVERS, budget, rng(statement.slug))
    except InputError:
        return False
    return any(e.established is Verdict.PROVED for e in evidence)


def _needed_steps(proof: tuple[Step | Lemma, ...]) -> tuple[Step | Lemma, ...]:
    """The last step and, backwards, those that a step or a lemma names."""
    kept: list[Step | Lemma] = []
    named: set[str] = set()
    for item in reversed(proof):
        if not kept or getattr(item, "name", "") in named:
            kept.append(item)
            named |= {n for f in fields(item) for n in _texts(getattr(item, f.name))}
    return tuple(reversed(kept))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, tuple) else ()
