"""A statement without a hypothesis falls to a proof of its contrary, and only to one that speaks of the same orbits."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from sam_theory import Limit, OrbitsAvoiding, Quadratic, eps, eta, lam, library, norm, rho, verify, w
from sam_theory.engines._budget import budget_of
from sam_theory.engines._contrary import contradicted
from sam_theory.theorems import DistanceDecreases, Weakened, weakenings_of

NAMED = {t.slug: t for t in library()}


def without(slug: str, part: str) -> Weakened:
    (found,) = [one for one in weakenings_of(NAMED[slug]) if part in one.name]
    return found


def judged(weakened: Weakened, **changes) -> str | None:
    other = weakened.shown.with_(slug="contrary", **changes)
    return contradicted(weakened, other, budget_of("quick"), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("slug", "part"),
    [("asam-quadratic.diverges", "eta >"), ("sam-on-block.attracts", "eta*m < 2")],
)
def test_what_is_proved_where_the_hypothesis_fails_contradicts_the_statement(slug: str, part: str) -> None:
    said = judged(without(slug, part))
    assert said is not None and "proved is that limit of" in said


def test_a_hypothesis_without_which_the_contrary_is_proved_is_needed() -> None:
    result = verify(NAMED["sam-epsilon-bifurcation.attracts"], engines=("search",), budget="quick", hypotheses=True)
    assert [one.outcome for one in result.dropped] == ["needed"] * 3
    assert all(one.as_recorded for one in result.dropped)


def test_a_contrary_that_is_not_proved_refutes_nothing() -> None:
    eps_star = eta * lam**2 * rho / (2 - eta * lam)
    weakened = without("sam-epsilon-bifurcation.attracts", "eps <")
    assert judged(weakened) is not None
    wider = (eta * lam < 2, eta * lam > 1, eps >= eps_star / 2)
    assert judged(weakened, hypotheses=wider) is None


def test_a_contrary_has_to_hold_where_the_other_hypotheses_do() -> None:
    weakened = without("sam-on-block.attracts", "eta*m < 2")
    m = sp.Symbol("m", positive=True)
    assert judged(weakened, hypotheses=(rho > 0, eta * lam > 3, eta * m > 2)) is None


def test_equal_limits_are_no_contradiction() -> None:
    weakened = without("sam-epsilon-bifurcation.attracts", "eps <")
    at_the_edge = (eta * lam < 2, eta * lam > 1, sp.Eq(eps, eta * lam**2 * rho / (2 - eta * lam)))
    assert judged(weakened, hypotheses=at_the_edge) is None


def test_a_contrary_speaks_of_the_same_rule_loss_and_observable() -> None:
    weakened = without("sam-epsilon-bifurcation.attracts", "eps <")
    assert judged(weakened, loss=Quadratic(lam)) is None
    assert judged(weakened, claim=Limit(norm(w) * lam, sp.S.Zero)) is None
    assert judged(weakened, claim=Limit(norm(w), sp.S.Zero, "limsup")) is None


def test_some_orbit_has_to_be_one_that_both_speak_of() -> None:
    """Below ηλ = 1 a step may end at 0 exactly: then no orbit is seen to avoid it."""
    weakened = without("sam-epsilon-bifurcation.attracts", "eps <")
    small_steps = (eta * lam < 1, eps >= eta * lam**2 * rho / (2 - eta * lam))
    assert judged(weakened, hypotheses=small_steps) is None
    target = DistanceDecreases(sp.S.Zero)
    assert judged(weakened, starts=OrbitsAvoiding("zero gradient"), proof=(target,)) is None
