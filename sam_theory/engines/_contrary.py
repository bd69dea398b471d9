"""A statement refuted by a proof of its contrary: two limits of the same orbits that cannot both be true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Vec, norm
from sam_theory.engines._budget import Budget
from sam_theory.engines._prove import PROVERS, prove
from sam_theory.engines._smt import satisfiable
from sam_theory.errors import InputError
from sam_theory.theorems import AlmostEvery, Inequality, Limit, OrbitsAvoiding, Theorem, Weakened, w, w_next
from sam_theory.verdicts import Verdict

_X = sp.Symbol("observed!", nonnegative=True)


def contradicted(weakened: Weakened, other: Theorem, budget: Budget, rng: np.random.Generator) -> str | None:
    """What refutes the statement without a hypothesis, if ``other`` is proved and contradicts it; else None.

    Both are limits along the trajectories of one rule on one loss.  ``other`` contradicts the statement if at some
    parameters all its hypotheses and those that are left hold, the dropped one fails and the values exclude each other,
    and if the two quantifiers have an orbit in common: almost every start and every start do; of orbits that avoid
    w = 0 there is one if a step from w ≠ 0 is shown never to end at 0.
    """
    statement = weakened.statement
    if other.rule is not statement.rule or other.loss is not statement.loss or weakened.dropped is None:
        return None
    conflict = _conflict(statement.expanded_claim, other.expanded_claim)
    if conflict is None:
        return None
    there = (*weakened.others, sp.Not(weakened.dropped), *other.all_hypotheses)
    if satisfiable((*there, *conflict), budget.rlimit) is not True:
        return None
    if not _proved(other, budget, rng):
        return None
    if not _share_an_orbit(statement, other.with_(hypotheses=there), budget, rng):
        return None
    where = ", ".join(map(str, other.all_hypotheses))
    return f"false without it: proved is that {other.expanded_claim.text()} where {where}"


def _conflict(claim: Any, other: Any) -> tuple[Any, ...] | None:
    """Relations between the parameters at which the two limits exclude each other; None if they are never seen to."""
    for one in (claim, other):
        plain = isinstance(one, Limit) and one.variable is None and one.value is not sp.S.NegativeInfinity
        if not plain or (one.kind_of_limit, one.relation) != ("limit", "=="):
            return None
    for outer, inner in ((claim, other), (other, claim)):
        power = _power(outer.observable, inner.observable)
        if power is not None:
            a, b = outer.value, inner.value**power
            if a is sp.oo or b is sp.oo:
                finite = [v for v in (a, b) if v is not sp.oo]
                return tuple(sp.GreaterThan(v**2, 0, evaluate=False) for v in finite) or None  # it has a meaning
            return (sp.Ne(a, b),)
    return None


def _power(outer: sp.Expr, inner: sp.Expr) -> int | None:
    """n where ``outer`` is the n-th power of ``inner``, both functions of the iterate alone."""
    rest = outer.xreplace({inner: _X})
    base, power = rest.as_base_exp()
    if base != _X or not (power.is_Integer and power > 0) or inner.atoms(Vec) != {w}:
        return None
    return int(power)


def _share_an_orbit(statement: Theorem, other: Theorem, budget: Budget, rng: np.random.Generator) -> bool:
    """Whether some orbit is one that both speak of, for all parameters that ``other`` admits."""
    kinds = {type(starts) for starts in (statement.starts, other.starts)}
    if kinds <= {type(None), AlmostEvery}:
        return True
    events = {s.event for s in (statement.starts, other.starts) if isinstance(s, OrbitsAvoiding)}
    if AlmostEvery in kinds or events != {"w = 0"}:
        return False
    claim = Inequality(sp.S.Zero, norm(w_next), strict=True, given=(norm(w) > 0,))
    stays = replace(other, slug=f"{other.slug}~off 0", claim=claim, starts=None, proof=(), mutants=(), where={})
    return _proved(stays, budget, rng)


def _proved(theorem: Theorem, budget: Budget, rng: np.random.Generator) -> bool:
    try:
        return any(e.established is Verdict.PROVED for e in prove(theorem, PROVERS, budget, rng))
    except InputError:
        return False
