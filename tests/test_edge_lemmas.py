"""Leading terms at an edge: the cycle born at a flip, attracting points, the passage below; what each must refuse."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
import sympy as sp
from sympy import Rational, exp, sqrt

from sam_theory import (
    Expression,
    Link,
    Product,
    Theorem,
    coordinate,
    eta,
    gd,
    lam,
    norm,
    sam,
    verify,
    w,
    w_next,
    w_start,
)
from sam_theory.arithmetic import Coordinates
from sam_theory.arithmetic import Rational as Fractions
from sam_theory.dynamics import Map
from sam_theory.engines._asymptotic import exact_leading_term, leading_ratio
from sam_theory.engines._search import confirm_at
from sam_theory.losses import shifted_square, sqrt1p
from sam_theory.theorems import Asymptotic, Instance, mutants_of, weakenings_of
from sam_theory.theorems import edge_of_stability as edge
from sam_theory.theorems.isolated_minima import Q, T, T_j
from sam_theory.theorems.oikonomou2025 import TRAP
from sam_theory.theorems.wen2023 import lam_j

ONE, TWO = sp.S.One, sp.Integer(2)
mu, u, v = edge.mu, sp.Symbol("u", real=True), sp.Symbol("v", real=True)
FLIP, GAP, ENDPOINT = edge.FLIP_GENERAL, edge.GD_SQRT, edge.LAMBERT


def status(theorem: Theorem) -> str:
    return leading_ratio(theorem)[0].status


def changed(theorem: Theorem, claim: dict[str, Any] | None = None, **more: Any) -> Theorem:
    old = theorem.claim
    assert isinstance(old, Asymptotic)
    fields = {n: getattr(old, n) for n in ("quantity", "leading", "small", "order", "start", "horizon", "at")}
    return theorem.with_(slug="changed", claim=Asymptotic(**{**fields, **(claim or {})}), **more)


# -- the 2-cycle born at a flip -----------------------------------------------------------------------------------
STEP, BELOW, POSITIVE = sp.Eq(eta, (2 + mu) / lam), lam_j < lam, Q * lam * lam_j < 3 * (T**2 * lam_j + T_j**2 * lam)
DIFFERENCE = coordinate(w - w_next)


def flip(claim: dict[str, Any] | None = None, hypotheses: Any = (STEP, BELOW, POSITIVE), **more: Any) -> Theorem:
    return changed(FLIP, claim, hypotheses=hypotheses, **more)


def kinked() -> Expression:
    return Expression(lam * u**2 / 2 + lam_j * v**2 / 2 + sp.Abs(u) ** 3, ["u", "v"], name="kink")


def test_the_cycle_beyond_a_flip() -> None:
    assert status(flip()) == "proved"
    assert status(flip(claim={"order": TWO})) == "unknown"  # the remainder has order 1


FLIP_REFUSED = {
    "another start": lambda: flip({"start": (sqrt(mu / edge.lyapunov) * 2, sp.S.Zero)}),
    "the other coordinate starts too far": lambda: flip({"start": (sqrt(mu / edge.lyapunov), sqrt(mu))}),
    "the cycle is before the flip": lambda: flip(
        {"start": (sqrt(-mu / edge.lyapunov), sp.S.Zero)},
        (STEP, BELOW, Q * lam * lam_j > 3 * (T**2 * lam_j + T_j**2 * lam)),
    ),
    "the sign of the coefficient is open": lambda: flip(hypotheses=(STEP, BELOW)),
    "the other direction is unstable": lambda: flip(hypotheses=(STEP, lam_j > lam, POSITIVE)),
    "the other multiplier is open": lambda: flip(hypotheses=(STEP, POSITIVE)),
    "the step size is free": lambda: flip(hypotheses=(BELOW, POSITIVE)),
    "the step size has a root": lambda: flip(hypotheses=(sp.Eq(eta, (2 + sqrt(mu)) / lam), BELOW, POSITIVE)),
    "no flip": lambda: flip(hypotheses=(sp.Eq(eta, (1 + mu) / lam), BELOW, POSITIVE)),
    "on the stable side": lambda: flip(hypotheses=(sp.Eq(eta, (2 - mu) / lam), BELOW, POSITIVE, mu < 1)),
    "the parameter stays away from 0": lambda: flip(hypotheses=(STEP, BELOW, POSITIVE, 100 * mu > 1)),
    "the points of the cycle differ": lambda: flip({"quantity": coordinate(w) ** 2}),
    "no smooth quantity, order 1/2": lambda: flip({"quantity": DIFFERENCE**2 / 4 + norm(w - w_next) ** 3}),
    "a kink": lambda: flip(loss=kinked()),
}  # fmt: skip


@pytest.mark.parametrize("name", FLIP_REFUSED)
def test_a_broken_premise_of_the_flip(name: str) -> None:
    assert isinstance(exact_leading_term(FLIP_REFUSED[name]()), str)


def test_wrong_amplitudes_are_refuted_by_the_exact_ratio() -> None:
    claim = FLIP.claim
    assert isinstance(claim, Asymptotic)
    printed = (eta**2 * (T**2 / lam + T_j**2 / lam_j) / 2 - eta**3 * Q / 6).subs(eta, 2 / lam)
    for wrong in (claim.leading * Rational(99, 100), mu / printed, mu * lam**2 / T**2):
        assert status(flip({"leading": wrong})) == "refuted"


# -- an attracting fixed point ------------------------------------------------------------------------------------
SMALL_STEP = eta * lam < 1
QUARTIC = Expression(lam * u**2 / 2 + lam_j * v**2 / 2 + Q * u**4 / 24 + T * u**2 * v / 2, ["u", "v"], name="quartic")
BOUNDED = {"quantity": 1 + coordinate(w) * coordinate(w_next), "leading": ONE}


def resting(claim: dict[str, Any] | None = None, hypotheses: Any = (SMALL_STEP, BELOW), **more: Any) -> Theorem:
    return flip({**BOUNDED, **(claim or {})}, (*hypotheses, POSITIVE), **{"loss": QUARTIC, **more})


def test_an_orbit_that_starts_near_an_attracting_fixed_point_ends_there_exactly() -> None:
    assert status(resting()) == "proved"
    assert status(resting({"order": sp.Integer(7)})) == "proved"
    assert status(resting({"leading": TWO})) == "refuted"
    assert status(resting({"quantity": DIFFERENCE**2, "leading": mu})) == "refuted"  # nothing of it is left


RESTING_REFUSED = {
    "nothing is said of one multiplier": lambda: resting(hypotheses=(SMALL_STEP,)),
    "the other direction may be neutral": lambda: resting(hypotheses=(SMALL_STEP, eta * lam_j <= 2)),
    "the start stays away": lambda: resting({"start": (1 / sqrt(lam), sp.S.Zero)}),
    "the start runs away": lambda: resting({"start": (1 / mu, sp.S.Zero)}),
    "no fixed point": lambda: resting(
        loss=Expression(lam * u**2 / 2 + lam_j * v**2 / 2 + T * u, ["u", "v"], name="tilted")
    ),
    "the map depends on the small parameter": lambda: resting(hypotheses=(sp.Eq(eta, (1 + mu) / lam), BELOW)),
    "a kink": lambda: resting(loss=kinked()),
    "a normalised gradient": lambda: resting(rule=sam),
    "the quantity depends on the start": lambda: resting({"quantity": 1 + coordinate(w - w_start)}),
    "a quantity that may jump": lambda: resting({"quantity": 1 + norm(w)}),
}  # fmt: skip


@pytest.mark.parametrize("name", RESTING_REFUSED)
def test_a_broken_premise_of_the_fixed_point(name: str) -> None:
    assert isinstance(exact_leading_term(RESTING_REFUSED[name]()), str)


def test_an_instance_at_which_the_minimum_attracts_refutes_a_cycle() -> None:
    """At ηλ = 1 nothing is left of it; at ηλ = 3 the orbit is not followed."""
    (weakened,) = [one for one in weakenings_of(FLIP) if one.name.startswith("Eq(eta")]
    for step, refuted in ((1, True), (3, False)):
        instance = Instance({**weakened.shown.params, "eta": step}, ())
        found = confirm_at(weakened.where_it_fails.with_(candidate=instance), instance)
        assert (found is not None and found.observed == "0") == refuted


# -- through the edge ---------------------------------------------------------------------------------------------
Y, gap = 2 / eta, eta


def passage(quantity: Any = Y - edge.squared, leading: Any = gap, **more: Any) -> Theorem:
    claim = {"quantity": quantity, "leading": leading, "start": edge.near_start(Y, Y), **more.pop("claim", {})}
    return changed(GAP, claim, where={edge.gap: gap}, hypotheses=(), **more)


def start_at(units: Any, x_squared: Any = eta**7) -> dict[str, Any]:
    return {"start": (sqrt(x_squared), sqrt(Y + units * gap + x_squared))}


@pytest.mark.parametrize(
    "start",
    [start_at(Y), start_at(Y, eta**2), start_at(1 / eta, eta**3), start_at(1 / (3 * eta), eta**3 / 2)],
)
def test_the_gap_does_not_depend_on_where_the_orbit_starts_far_above_it(start: dict[str, Any]) -> None:
    assert status(passage(claim=start)) == "proved"
    assert status(passage(claim=start, leading=gap * Rational(101, 100))) == "refuted"


def test_further_terms_of_the_gap_count_up_to_the_order_of_the_claim() -> None:
    further = gap * (1 + eta)
    assert status(passage(leading=further)) == "refuted"
    assert status(passage(leading=further, claim={"order": ONE})) == "proved"
    assert status(passage(leading=gap * (1 + eta**2))) == "proved"
    assert status(passage(claim={"order": sp.Integer(3)})) == "unknown"


steep = Link("steep", sp.cosh(sp.Symbol("z", real=True)), even=True)
flat = Link("flat", sp.Symbol("z", real=True) ** 2 / 2, even=True)
PASSAGE_REFUSED = {
    "in the valley": lambda: passage(claim=start_at(Y, sp.S.Zero)),
    "at the edge": lambda: passage(claim=start_at(0)),
    "below the edge": lambda: passage(claim=start_at(-1)),
    "far above the edge": lambda: passage(claim={"start": (sqrt(eta), sqrt(Rational(13, 10) * Y))}),
    "far across the valley": lambda: passage(claim=start_at(Y, eta)),
    "near the gap, which the end then shows": lambda: passage(claim=start_at(1)),
    "curvature increases": lambda: passage(loss=Product(steep)),
    "curvature does not change": lambda: passage(loss=Product(flat)),
    "the loss is not even": lambda: passage(loss=Product(shifted_square)),
    "the map has a kink": lambda: passage(rule=sam),
    "x, which tends to 0": lambda: passage(quantity=Y - edge.squared + coordinate(w, 0)),
    "the step size stays away from 0": lambda: passage().with_(slug="away", hypotheses=(eta > Rational(1, 100),)),
}  # fmt: skip


@pytest.mark.parametrize("name", PASSAGE_REFUSED)
def test_a_broken_premise_of_the_passage(name: str) -> None:
    assert isinstance(exact_leading_term(PASSAGE_REFUSED[name]()), str)


def test_the_endpoint_depends_on_the_width_of_the_start() -> None:
    """From x₀² = X₀·gap²·η/2 the end obeys (1+s−X₀)e^{−s}, and not (1+s)e^{−s}."""
    s, width = edge.start, edge.width
    wide = edge.WIDE.claim
    assert isinstance(wide, Asymptotic)
    assert status(edge.WIDE) == "proved"
    for wrong in ((1 + s) * exp(-s), (1 + s - 2 * width) * exp(-s), (1 + s - width) * exp(-2 * s)):
        assert status(changed(edge.WIDE, {"leading": wrong})) == "refuted"
    # without the first integral in the quantity there is no leading term in closed form
    assert isinstance(exact_leading_term(changed(ENDPOINT, {"quantity": edge.passed**2})), str)


def test_an_orbit_may_stop_above_the_edge_from_starts_that_lie_far_above_it() -> None:
    """From x = 12/(5y), ηy² = 13/5, one step reaches x = 0: no law of the gap holds for every start."""
    for y in (Fraction(3), Fraction(100), Fraction(10**6)):
        step, x = Fraction(13, 5) / y**2, Fraction(12, 5) / y
        image = Map(gd, Product(sqrt1p)).step(Fractions(), {"w": Coordinates([x, y])}, {"eta": step})["w"]
        assert image[0] == 0 and image[1] ** 2 > 2 / step


# -- the attacks --------------------------------------------------------------------------------------------------
def test_a_threshold_that_is_a_maximum_is_approached() -> None:
    for name, mutant in mutants_of(TRAP):
        assert verify(mutant, engines=("search",), budget="quick").verdict == "refuted", name


def test_a_wrong_constant_whose_slope_shows_nothing() -> None:
    mutants = dict(mutants_of(FLIP))
    assert verify(mutants["leading*99/100"], engines=("search",), budget="quick").verdict == "refuted"
