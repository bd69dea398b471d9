"""No false claim is certified where it is false: kinks, quantifiers, minimisers, schedules, jumps at a limit."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from test_soundness import FALSE, TRUE, decayed, scheduled, statement, unit_of_sum

from sam_theory import (
    AlmostEvery,
    Envelope,
    Identity,
    Inequality,
    InputError,
    Limit,
    OrbitsAvoiding,
    Product,
    Quadratic,
    Stability,
    StronglyConvex,
    Threshold,
    alpha,
    beta,
    coordinate,
    eta,
    even_link,
    gd,
    grad,
    lam,
    norm,
    rho,
    sam,
    w,
    w_next,
    w_star,
    w_start,
)
from sam_theory.arithmetic import Ball, Jet, Jets, Undecided
from sam_theory.engines import certify
from sam_theory.engines._ball._problem import chosen_scenes
from sam_theory.engines._budget import budget_of
from sam_theory.engines._search._instances import Point
from sam_theory.engines._search._select import judge_of
from sam_theory.verdicts import Evidence

s = eta * lam
QUICK = budget_of("quick")


def _violated(theorem: Any, found: Evidence, draws: int = 20) -> int:
    """How many exact instances drawn from a certified region the search's judge refutes."""
    assert found.covers is not None
    exact = theorem.kind == "Identity"
    scene = next(x for x in chosen_scenes(theorem, exact) if x.name == found.covers.loss or x.loss is None)
    judge, rng = judge_of(scene, QUICK), random.Random(0)

    def inside(ends: tuple[str, str]) -> Fraction:
        low, high = map(Fraction, ends)
        return low + (high - low) * rng.choice([Fraction(0), Fraction(1), Fraction(rng.randint(0, 64), 64)])

    bad = 0
    for _ in range(draws):
        values = {n: inside(ends) for n, ends in found.covers.sides.items()}
        witness = judge.confirm(Point(scene, values, tuple(map(inside, found.covers.start))))
        horizon = found.covers.horizon
        bad += witness is not None and (horizon is None or (witness.step or 0) <= horizon)
    return bad


@pytest.mark.parametrize("name", FALSE)
def test_a_false_claim_is_certified_only_where_it_is_true(name: str) -> None:
    try:
        theorem = FALSE[name]()
    except InputError:
        return
    # A claim that is false somewhere may be true in a box: what counts is that nothing in the region violates it.
    found = certify(theorem, "quick")
    assert found.verdict != "certified" or not _violated(theorem, found), found.region


@pytest.mark.parametrize("name", TRUE)
def test_a_true_claim_is_not_refuted_by_balls(name: str) -> None:
    assert certify(TRUE[name](), "quick").verdict != "refuted"


def test_the_check_above_notices_a_false_certificate() -> None:
    theorem = statement(Inequality(norm(w_next), norm(w)), Quadratic(lam), gd, s < 1)
    found = certify(theorem, "quick")
    assert found.verdict == "certified" and not _violated(theorem, found)
    assert _violated(theorem.with_(claim=Inequality(norm(w), norm(w_next))), found)


# -- side conditions and quantifiers ---
def test_what_is_given_limits_what_is_refuted_and_is_not_certified_where_it_never_holds() -> None:
    still = Identity(norm(w_next), norm(w), given=(norm(w) > 1000,))
    assert certify(statement(still, Quadratic(lam), gd, s < 1), "quick").verdict == "undecided"
    nowhere = Inequality(2 * norm(w), norm(w), given=(norm(w) > 1000,))
    found = certify(statement(nowhere, Quadratic(lam)), "quick")
    assert found.verdict == "undecided" and "side conditions fail" in found.detail
    given = Inequality(norm(w_next) / 2, norm(w), given=(norm(grad(w)) > 0,))
    assert certify(statement(given, Quadratic(lam), gd, s < 1), "quick").verdict == "certified"


@pytest.mark.parametrize("starts", [AlmostEvery(("w = 0",)), OrbitsAvoiding("zero gradient")])
def test_balls_do_not_refute_what_leaves_out_starts(starts: Any) -> None:
    false = statement(Envelope(norm(w), norm(w_start) / 2), Quadratic(lam), gd, s < sp.Rational(1, 2))
    assert certify(false, "quick").verdict == "refuted"
    assert certify(false.with_(starts=starts), "quick").verdict == "undecided"


# -- kinks ---
@pytest.mark.parametrize("base", [None, Ball()], ids=["rational", "ball"])
def test_a_sign_or_a_root_has_no_derivative_where_its_argument_vanishes_to_any_order(base: Any) -> None:
    jets = Jets(1, base)
    (x,) = jets.seeds([jets.base.number(Fraction(0))])
    square = jets.ipow(x, 2)
    for kinked in (
        lambda: jets.sign(x),
        lambda: jets.sign(square),  # slope 0 at 0, and a jump
        lambda: jets.sqrt(square),
        lambda: jets.abs(x),
        lambda: jets.select(square, jets.number(Fraction(0)), square, x, False),
        lambda: jets.slopes(jets.unit(jets.stack([square, square]), jets.number(Fraction(0)), "add")[0]),
        lambda: jets.unit(jets.stack([square, square]), jets.number(Fraction(0)), "add")[0] < 1,
        lambda: jets.sign(jets.norm(jets.stack([square, square]))),
    ):
        with pytest.raises(Undecided):
            kinked()
    assert jets.slopes(jets.abs(square)) == [0] and jets.slopes(jets.norm(jets.stack([square, square]))) == [0]
    assert jets.sign(Jet(jets.base.number(Fraction(0)))).value == 0


def test_a_box_that_contains_a_kink_has_no_derivative() -> None:
    around = Jets(1, Ball()).seed(Ball().number(Fraction(0)) + Ball().hull(*map(Ball().number, (-1, 1))), 0)
    for name in ("sign", "abs"):
        with pytest.raises(Undecided):
            getattr(Jets(1, Ball()), name)(around)
    claim = Threshold(Stability((sp.S.Zero,)), eta, 2 / lam)
    assert certify(statement(claim, Quadratic(lam), sam, rho > 0), "quick").verdict == "undecided"


# -- what a box of starts does not speak of ---
@pytest.mark.parametrize("rule", [scheduled, unit_of_sum], ids=lambda r: r.name)
def test_schedules_and_further_state_are_refused(rule: Any) -> None:
    for claim in (Inequality(norm(w_next), norm(w) * 100), Envelope(norm(w), 100 * norm(w_start))):
        found = certify(statement(claim, Quadratic(lam), rule, eta < 1), "quick")
        assert found.verdict == "undecided" and "box speaks of" in found.detail


def test_w_star_stands_for_every_minimiser() -> None:
    for claim, loss in (
        (Identity(norm(w_star) ** 2, sp.S.One), Product(even_link)),
        (Inequality(norm(w_star), norm(w) * 0 + 2), Product(even_link)),
    ):
        found = certify(statement(claim, loss), "quick")
        assert found.verdict == "undecided" and "several minimisers" in found.detail
    nearer = Inequality(norm(w_next - w_star), norm(w - w_star))
    assert certify(statement(nearer, StronglyConvex(alpha, beta), gd, eta * beta < 1), "quick").verdict == "certified"
    assert decayed.name  # its claim is certified for the member with its minimiser at 0 only


# -- limits ---
def test_an_observable_that_jumps_where_orbits_end_has_no_certified_limit() -> None:
    for claim in (
        Limit(sp.sign(norm(w)), sp.S.Zero),
        Limit(sp.sign(coordinate(w) ** 2), sp.S.Zero, "limsup", "<="),
    ):
        assert certify(statement(claim, Quadratic(lam), gd, s < 1), "quick").verdict == "undecided"
    assert certify(statement(Limit(norm(w), sp.S.Zero), Quadratic(lam), gd, s < 1), "quick").verdict == "certified"


def test_on_a_cycle_of_two_points_an_observable_has_a_limsup_and_no_limit() -> None:
    bound = 10 * rho
    theorem = statement(Limit(coordinate(w), bound, "limsup", "<="), Quadratic(lam), sam, rho > 0, s < 1)
    assert certify(theorem, "quick").verdict == "certified"
    limit = replace(theorem.claim, kind_of_limit="limit")
    assert certify(theorem.with_(claim=limit), "quick").verdict == "undecided"
