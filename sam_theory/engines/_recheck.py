"""Every equality and inequality that was proved is evaluated again at random exact rationals.

The channel is independent of the proof: the rule runs on a concrete loss in exact rationals, with no SymPy and no z3
between the statement and its value.  FLINT computes them; what fails is computed again in fractions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import rationally
from sam_theory.engines._search._instances import Point, Sampler
from sam_theory.engines._search._pointwise import Pointwise
from sam_theory.engines._search._scene import scenes
from sam_theory.errors import InputError
from sam_theory.theorems import Claim, Identity, Inequality, Theorem
from sam_theory.verdicts import Witness

_ENOUGH = 24


@dataclass(frozen=True)
class Recheck:
    """How many exact instances agreed, and the first that did not."""

    agreed: int
    against: Witness | None = None


def recheck(theorem: Theorem, budget: Budget, rng: np.random.Generator) -> Recheck:
    """Evaluate each one-step claim behind ``theorem`` at exact rational instances."""
    total = 0
    for claim in _one_step_claims(theorem):
        variant = theorem.with_(
            claim=claim, where={}, proof=(), mutants=(), attained_by=None, status="quoted", expected="refuted"
        )
        found = _evaluate(variant, budget, rng)
        if found.against is not None:
            return Recheck(total + found.agreed, found.against)
        total += found.agreed
    return Recheck(total)


def _one_step_claims(theorem: Theorem) -> list[Claim]:
    claim = theorem.expanded_claim
    every = [claim, *(step.claim for own in theorem.steps for step in own)]
    return list(dict.fromkeys(c for c in every if type(c) in (Identity, Inequality) and not _trajectory(c)))


def _trajectory(claim: Claim) -> bool:
    return any(s.name == "t" for e in claim.formulas() for s in e.free_symbols)


def _evaluate(theorem: Theorem, budget: Budget, rng: np.random.Generator) -> Recheck:
    agreed = 0
    try:
        found = [scene for scene in scenes(theorem) if scene.loss is None or scene.rational]
    except InputError:
        return Recheck(0)
    for scene in found:
        judge = Pointwise(scene, budget)
        sampler = Sampler(scene, theorem.starts is not None, judge.uses_start)
        batch = sampler.simple(rng, 2 * _ENOUGH)
        here = 0
        admitted: dict[tuple[Any, ...], bool] = {}  # a sampler starts several points at the same parameters
        for i in range(batch.size if batch is not None else 0):
            assert batch is not None
            point = batch.point(i)
            place = tuple(batch.values[s.name][i] for s in scene.symbols)
            if place not in admitted:
                admitted[place] = sampler.parameters.admits(point.values)
            outcome = _holds(judge, point) if admitted[place] else None
            if outcome is False:
                return Recheck(agreed, judge.confirm(point))
            here += outcome is True
            if here == _ENOUGH:
                break
        agreed += here
    return Recheck(agreed)


def _holds(judge: Pointwise, point: Point) -> bool | None:
    """Whether the claim holds at an admitted ``point``; None where it is not rational."""
    r = rationally(lambda a: judge.evaluate(a, judge.program, point.env(a), point.vector(a)))
    return None if r is None else judge.holds(r)
