"""A theorem without one of its hypotheses: what has to fail, if the hypothesis is needed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.losses import PolyakLojasiewicz, StronglyConvex
from sam_theory.theorems._assumptions import said_by_assumptions
from sam_theory.theorems._claims import AlmostEvery, Identity, Inequality
from sam_theory.theorems._comparison import Comparison
from sam_theory.theorems._data import InterpolationData
from sam_theory.theorems._proof import Lemma, Step
from sam_theory.theorems._theorem import Instance, Theorem


@dataclass(frozen=True)
class Weakened:
    """A theorem without a hypothesis.

    Parameters
    ----------
    name : str
        The hypothesis that was dropped.
    statement : Theorem
        What is claimed without it, with the same proof.
    where_it_fails : Theorem
        The same only where the hypothesis fails, without proof: what a search for a witness attacks.
    others : tuple of SymPy relations
        The other hypotheses, on the parameters and on the state.
    dropped : SymPy relation or None
        The hypothesis, if it is a relation.
    reason : str
        Why it is stated although it is not needed, if the theorem records that.
    shown : Instance, InterpolationData, Theorem, tuple of Step and Lemma, str, or None
        What the theorem says of itself without the hypothesis: a suspected counterexample, its contrary, a proof, or
        what is shown by hand alone.
    """

    name: str
    statement: Theorem
    where_it_fails: Theorem
    others: tuple[Relation, ...] = ()
    dropped: Relation | None = None
    reason: str = ""
    shown: Instance | InterpolationData | Theorem | tuple[Step | Lemma, ...] | str | None = None


def weakenings_of(theorem: Theorem) -> tuple[Weakened, ...]:
    """The theorem without each of its hypotheses in turn; none for a statement that is quoted as false.

    Dropped are the declared hypotheses on the parameters, those on the state (``given``), the restriction of the
    starts to orbits that avoid an event, and convexity of a class where the weaker class is known.
    """
    if theorem.status == "quoted":
        return ()
    if isinstance(theorem.claim, Comparison):
        sides = (("below", theorem.claim.below), ("above", theorem.claim.above))
        return tuple(replace(w, name=f"{side}: {w.name}") for side, part in sides for w in weakenings_of(part))
    return tuple(_weakenings(theorem))


def _weakenings(theorem: Theorem) -> Iterator[Weakened]:
    for i, h in enumerate(theorem.hypotheses):
        if h is sp.true:  # said by the assumptions on its symbols already
            continue
        rest = (*theorem.hypotheses[:i], *theorem.hypotheses[i + 1 :])
        opposite = _negated(theorem.expand(h))
        fails = rest if opposite is None else (*rest, opposite)
        others = tuple(x for x in theorem.all_hypotheses if x != theorem.expand(h))
        found = _weakened(theorem, h, (*others, *_given(theorem)), hypotheses=(rest, fails))
        if found.dropped not in found.statement.all_hypotheses:  # else the loss assumes it: no hypothesis to drop
            yield found
    claim = theorem.claim
    if isinstance(claim, (Identity, Inequality)):
        for i, g in enumerate(claim.given):
            rest = (*claim.given[:i], *claim.given[i + 1 :])
            opposite = _negated(g)
            fails = rest if opposite is None else (*rest, opposite)
            others = (*theorem.all_hypotheses, *map(theorem.expand, rest))
            yield _weakened(theorem, g, others, claim=(replace(claim, given=rest), replace(claim, given=fails)))
    if theorem.starts is not None and not isinstance(theorem.starts, AlmostEvery):
        yield _weakened(theorem, theorem.starts.text(), starts=(None, None))
    if isinstance(theorem.loss, StronglyConvex):
        weaker = PolyakLojasiewicz(theorem.loss.alpha, theorem.loss.beta, dimension=theorem.loss.dimension)
        yield _weakened(theorem, "convexity", loss=(weaker, weaker))


def _given(theorem: Theorem) -> tuple[Relation, ...]:
    return tuple(map(theorem.expand, getattr(theorem.claim, "given", ())))


def _weakened(theorem: Theorem, dropped: Relation | str, others: tuple[Relation, ...] = (), **changes: Any) -> Weakened:
    name = str(dropped)
    slug = f"{theorem.slug}~without {name}"
    without = {key: both[0] for key, both in changes.items()}
    fails = {key: both[1] for key, both in changes.items()}
    bare: dict[str, Any] = {"slug": slug, "status": "quoted", "expected": "refuted", "mutants": ()}
    attained = {"attained_by": None, "candidate": None, "proof": ()}
    return Weakened(
        name,
        _with_all_symbols(theorem.with_(**bare, **without), theorem, dropped),
        _with_all_symbols(theorem.with_(**bare, **attained, **fails), theorem, dropped),
        others,
        None if isinstance(dropped, str) else theorem.expand(dropped),
        theorem.unneeded.get(dropped) or theorem.unneeded.get(name, ""),
        theorem.without.get(dropped) or theorem.without.get(name),
    )


def _with_all_symbols(weaker: Theorem, theorem: Theorem, dropped: Relation | str) -> Theorem:
    """``weaker`` with the signs of the parameters that nothing but the dropped hypothesis named."""
    lost = [s for s in theorem.symbols if s not in weaker.symbols]
    signs = tuple(h for s in lost for h in said_by_assumptions(s) if h != dropped)
    return weaker.with_(hypotheses=(*weaker.hypotheses, *signs)) if signs else weaker


def _negated(h: Relation) -> Relation | None:
    opposite = h.negated if isinstance(h, Relation) else sp.false
    return opposite if isinstance(opposite, Relation) else None
