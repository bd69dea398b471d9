"""Each hypothesis is dropped in turn: a witness, a proof without it, or neither."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import sympy as sp
from cli_tools import run

from sam_theory import (
    AlmostEvery,
    Identity,
    Inequality,
    InputError,
    Limit,
    Quadratic,
    Source,
    Theorem,
    coordinate,
    eta,
    gd,
    lam,
    library,
    norm,
    rho,
    sam,
    usam,
    verify,
    w,
    w_next,
)
from sam_theory.arithmetic import Float64
from sam_theory.engines._search import confirm_at
from sam_theory.engines._search._data import Rejected, confirm_data
from sam_theory.losses import Ridges, WideningValley
from sam_theory.theorems import Instance, InterpolationData, Step, weakenings_of
from sam_theory.theorems._nonconvex import across_a_widening_valley, at_rest_beside_a_ridge
from sam_theory.theorems.worst_cases import BEYOND_ASCENT, BEYOND_START

NAMED = {t.slug: t for t in library()}
HERE = Source("test", "a test")


def outcomes(theorem: Theorem) -> dict[str, str]:
    result = verify(theorem, engines=("search",), budget="quick", hypotheses=True)
    return {one.hypothesis: one.outcome for one in result.dropped}


def shrinks(*hypotheses, **more):
    """USAM on a quadratic brings the iterate nearer."""
    return Theorem(
        "shrinks", "", HERE, usam, Quadratic(lam), Inequality(norm(w_next), norm(w)), tuple(hypotheses), **more
    )


def test_a_hypothesis_without_which_the_claim_is_false_is_needed_and_has_a_witness() -> None:
    result = verify(shrinks(eta * lam * (1 + rho * lam) <= 2), budget="quick", hypotheses=True)
    (one,) = result.dropped
    assert one.outcome == "needed" and one.as_recorded
    assert one.witness is not None and one.witness.confirmed


def test_a_hypothesis_that_follows_from_the_others_is_not_needed() -> None:
    theorem = shrinks(eta * lam * (1 + rho * lam) <= 2, eta * lam <= 3)
    result = verify(theorem, budget="quick", hypotheses=True)
    by_name = {one.hypothesis: one for one in result.dropped}
    redundant = by_name["eta*lam <= 3"]
    assert redundant.outcome == "not needed" and "follows" in redundant.detail and not redundant.as_recorded


def test_a_hypothesis_that_a_proof_does_without_is_not_needed() -> None:
    theorem = shrinks(eta * lam * (1 + rho * lam) <= 2, rho * lam >= 1)
    assert outcomes(theorem)["lam*rho >= 1"] == "not needed"


def test_a_recorded_reason_makes_it_as_expected() -> None:
    theorem = shrinks(eta * lam * (1 + rho * lam) <= 2, rho * lam >= 1, unneeded={rho * lam >= 1: "for the sake of it"})
    result = verify(theorem, budget="quick", hypotheses=True)
    assert all(one.as_recorded for one in result.dropped)


def test_a_needed_hypothesis_cannot_be_recorded_as_unneeded() -> None:
    first = eta * lam * (1 + rho * lam) <= 2
    result = verify(shrinks(first, unneeded={first: "wrong"}), budget="quick", hypotheses=True)
    assert [one.as_recorded for one in result.dropped] == [False]


def test_a_reason_for_what_is_no_hypothesis_is_refused() -> None:
    with pytest.raises(InputError, match="none of its hypotheses"):
        shrinks(eta * lam <= 1, unneeded={eta * lam <= 2: "not there"})


def test_a_hypothesis_that_gives_the_formula_a_meaning_is_needed() -> None:
    result = verify(NAMED["gd-usam-linear-stability-product.edge"], budget="quick", hypotheses=True)
    assert [one.outcome for one in result.dropped] == ["needed"]
    assert "no meaning" in result.dropped[0].detail


def test_orbits_that_meet_the_event_are_witnesses() -> None:
    result = outcomes(NAMED["sam-1d-two-cycle.attracts"])
    assert result["along every orbit that never meets w = 0"] == "needed"


def test_restrictions_of_the_state_are_hypotheses() -> None:
    names = [one.name for one in weakenings_of(NAMED["sam-never-converges-sc.step-length"])]
    assert names == ["|grad L(w)| > 0", "convexity"]


def test_the_counterexample_of_an_erratum_is_tried() -> None:
    theorem = NAMED["usam-worst-case-distance.one-step"]
    assert outcomes(theorem)["rho*(-alpha + beta) <= 1"] == "needed"


def test_both_sides_of_a_comparison_have_hypotheses() -> None:
    theorem = next(t for t in library() if t.kind == "Comparison")
    assert {one.name.split(":")[0] for one in weakenings_of(theorem)} == {"below", "above"}


def test_a_scene_that_contradicts_what_is_left_is_left_out() -> None:
    """Links such as z²/2 rise everywhere: where ℓ' ≤ 0 is asked for they say nothing, and the search goes on."""
    by_name = outcomes(NAMED["sam-balanced-two-cycle-product.fold"])
    assert by_name["rho > 0"] == "not needed"
    assert "ell'((r + rho)**2/2) > 0" in by_name


def test_a_hypothesis_that_has_no_limit_ties_the_small_parameter() -> None:
    assert outcomes(NAMED["eos-gap-product.endpoint"])["s <= 3"] == "not needed"


def test_every_hypothesis_that_is_named_to_be_dropped_is_one() -> None:
    for theorem in library():
        names = {one.name for one in weakenings_of(theorem)}
        assert {str(h) for h in (*theorem.unneeded, *theorem.without)} <= names, theorem.slug


@pytest.mark.parametrize(
    "slug",
    [
        "usam-sharp-threshold-convex.rate",
        "sc-sam-limsup-improved.decrease",
        "sam-never-converges-sc.one-dimension",
        "sc-1d-exact-worst-case.two-slopes",
        "quad-cycle-jacobian.step",
        "fullbatch-flow-finite-eta.step",
        "linf-sam-flow-depth.race",
    ],
)
def test_each_hypothesis_is_needed_or_its_entry_says_why_it_is_stated(slug: str) -> None:
    result = verify(NAMED[slug], engines=("search",), budget="quick", hypotheses=True)
    assert result.dropped and all(one.as_recorded and one.outcome != "open" for one in result.dropped)


def test_a_named_instance_is_tried_and_not_believed() -> None:
    first, second = eta * lam * (1 + rho * lam) <= 2, rho * lam <= 100
    start = (sp.Rational(1, 7),)
    bad = Instance({"eta": 1, "lam": 1, "rho": sp.Rational(8, 7)}, start)
    (one, other) = verify(
        shrinks(first, second, without={first: bad, second: bad}), budget="quick", hypotheses=True
    ).dropped
    assert one.outcome == "needed" and one.witness is not None and one.witness.start == ("1/7",)
    assert other.outcome == "not needed"


def test_a_named_proof_is_tried_and_not_believed() -> None:
    claim = Inequality(norm(w_next), 2 * norm(w))
    wide, narrow = eta * lam * (1 + rho * lam) <= 3, rho * lam <= 1
    statement = shrinks(wide, narrow).with_(
        claim=claim, without={narrow: (Step("all", claim),), wide: (Step("all", Inequality(norm(w), norm(w))),)}
    )
    assert outcomes(statement) == {str(wide): "needed", str(narrow): "not needed"}


def test_an_argument_by_hand_leaves_a_hypothesis_open() -> None:
    """At ηλ = 2 every start flips its sign: a neutral cycle refutes nothing that is said of almost every start."""
    step = eta * lam
    neutral, said = sp.Ne(step, 2), "false by hand at ηλ = 2"
    vanishes = Limit(norm(w), sp.S.Zero)
    theorem = Theorem(
        "vanishes", "", HERE, gd, Quadratic(lam), vanishes, (step <= 2, neutral),
        starts=AlmostEvery((sp.Eq(coordinate(w), 0),)), without={neutral: said, step <= 2: said},
    )  # fmt: skip
    by_name = {one.hypothesis: one for one in verify(theorem, budget="quick", hypotheses=True).dropped}
    one, other = by_name[str(neutral)], by_name[str(step <= 2)]
    assert (one.outcome, one.recorded, one.as_recorded) == ("open", said, True)
    assert (other.outcome, other.recorded, other.as_recorded) == ("needed", "", True)


def test_a_claim_that_has_no_meaning_somewhere_without_a_hypothesis_needs_it() -> None:
    """At ηλ = 2 both sides are infinite; everywhere else they agree."""
    claim = Identity(eta * lam / (2 - eta * lam) + 1, 2 / (2 - eta * lam))
    theorem = Theorem("defined", "", HERE, sam, Quadratic(lam), claim, (eta * lam < 2,))
    (one,) = verify(theorem, engines=("search",), budget="quick", hypotheses=True).dropped
    assert one.outcome == "needed" and one.detail.endswith("no meaning where -eta*lam + 2 vanishes")


def test_the_drift_beside_a_cycle_is_another_where_there_is_no_cycle() -> None:
    """For ηλ > 2 the radius is negative, and a step from there is none of a cycle."""
    result = verify(NAMED["fullbatch-flow-finite-eta.step"], engines=("search",), budget="quick", hypotheses=True)
    by_name = {one.hypothesis: one for one in result.dropped}
    assert by_name["Ne(a, 0)"].detail == "without it the claim has no meaning: a vanishes wherever it fails"
    assert by_name["eta*lam < 2"].outcome == "needed" and by_name["eta*lam < 2"].witness is not None
    assert by_name["rho > 0"].outcome == "not needed" and by_name["rho > 0"].recorded


def test_stability_of_a_point_that_is_not_fixed_is_refuted() -> None:
    result = verify(NAMED["indefinite-saddle-trap-sam.window"], engines=("search",), budget="quick", hypotheses=True)
    witness = {one.hypothesis: one for one in result.dropped}["eta*lam < 2"].witness
    assert witness is not None and witness.extra["observable"].startswith("image of the point")


def without_convexity(slug: str) -> Theorem:
    return next(one for one in weakenings_of(NAMED[slug]) if one.name == "convexity").where_it_fails


@pytest.mark.parametrize(
    ("slug", "step", "longer"),
    [
        ("sc-sam-neighbourhood", "1/8000", "1/100"),
        ("sc-sam-limsup-improved.limsup", "1/100", "1/10"),
        ("sam-never-converges-sc.limsup", "98", "83"),
    ],
)
def test_without_convexity_sam_rests_off_the_minima(slug: str, step: str, longer: str) -> None:
    """At a fixed point the claims fail for small steps, or large ones: for the others they hold there."""
    statement = without_convexity(slug)
    found = confirm_at(statement, at_rest_beside_a_ridge(step))
    assert found is not None and found.confirmed and found.start == ("1", "1")
    assert confirm_at(statement, at_rest_beside_a_ridge(longer)) is None


@pytest.mark.parametrize("data", [BEYOND_ASCENT, BEYOND_START])
def test_where_a_multiplier_turns_negative_some_member_violates_the_bound(data: InterpolationData) -> None:
    theorem = NAMED["usam-worst-case-fgap.with-gradient"]
    (weakened,) = [one for one in weakenings_of(theorem) if one.shown is data]
    assert confirm_data(weakened.where_it_fails, data).confirmed
    with pytest.raises(Rejected, match="hypothesis"):
        confirm_data(theorem, data)
    lower = replace(data, points=tuple(replace(p, value=p.value * 9 / 10) for p in data.points))
    with pytest.raises(Rejected, match="condition"):
        confirm_data(weakened.where_it_fails, lower)


def test_a_leading_term_is_known_at_numbers_where_no_formula_says_it_of_all() -> None:
    """At μ = 0 the second sample has no gradient at the start, and adds nothing to the drift."""
    (weakened,) = [one for one in weakenings_of(NAMED["wen-1sam-flow.step"]) if one.name == "mu > 0"]
    at = {"a": 1, "a2": 1, "eta": 1, "lam": 1, "mu": 0, "rho": 1}
    found = confirm_at(weakened.where_it_fails, Instance(at, (0, 0, 0)))
    assert found is not None and found.confirmed and found.observed == "4/5"
    assert confirm_at(weakened.statement, Instance({**at, "mu": sp.Rational(1, 2)}, (0, 0, 0))) is None


def test_an_envelope_is_compared_far_out_only_with_an_orbit_that_stays() -> None:
    statement, resting = without_convexity("sc-sam-neighbourhood"), at_rest_beside_a_ridge("1/8000")
    found = confirm_at(statement, resting)
    assert found is not None and found.step is not None and found.step > 10_000
    assert confirm_at(statement, replace(resting, start=(1, sp.Rational(101, 100)))) is None


@pytest.mark.parametrize(("height", "k"), [("99/100", 8), ("3/5", 8), ("1", 6), ("1", 14), ("1/2", 4)])
def test_ridges_are_as_smooth_and_steep_as_declared(height: str, k: int) -> None:
    loss, arithmetic = Ridges(height, k), Float64()
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    at = np.stack([np.cos(angle), np.sin(angle)])
    gradient, value = np.stack(loss.gradient(arithmetic, at)), loss.value(arithmetic, at)
    assert value == pytest.approx((1 + float(sp.Rational(height)) * np.cos(k * angle)) / 2, abs=1e-12)
    steep = (gradient**2).sum(axis=0) - 2 * float(loss.facts.polyak_lojasiewicz) * value
    assert steep.min() == pytest.approx(0, abs=1e-9) and loss.facts.alpha is None
    kicks = 1e-6 * np.eye(2)
    columns = [
        np.stack(loss.gradient(arithmetic, at + h[:, None])) - np.stack(loss.gradient(arithmetic, at - h[:, None]))
        for h in kicks
    ]
    moduli = np.abs(np.linalg.eigvalsh(np.moveaxis(np.stack(columns) / 2e-6, -1, 0)))
    assert moduli.max() == pytest.approx(float(loss.facts.beta), rel=1e-5)


def test_the_widening_valley_is_as_smooth_and_steep_as_declared() -> None:
    loss, arithmetic, rng = WideningValley(), Float64(), np.random.default_rng(0)
    wide = np.stack([rng.uniform(-9000, 9000, 40_000), rng.uniform(-4000, 16_000, 40_000)])
    near = np.stack([rng.uniform(-600, 600, 40_000), 7260 + rng.uniform(-300, 900, 40_000)])
    at = np.concatenate([wide, near], axis=1)
    gradient, value = np.stack(loss.gradient(arithmetic, at)), loss.value(arithmetic, at)
    assert value.min() >= 0 and ((gradient**2).sum(axis=0) / value).min() >= 0.2 * (1 - 1e-12)
    step = rng.normal(size=at.shape) * 10 ** rng.uniform(-1, 3, at.shape[1])
    moved = np.stack(loss.gradient(arithmetic, at + step))
    stretch = np.hypot(*(moved - gradient)) / np.hypot(*step)
    assert 0.99 < stretch.max() <= 1 + 1e-9
    between = (gradient * step).sum(axis=0)
    remainder = 2 * (loss.value(arithmetic, at + step) - value - between) / (step**2).sum(axis=0)
    assert np.abs(remainder).max() <= 1 + 1e-4  # the gradient is that of the value


def test_without_convexity_sam_keeps_a_level_across_a_widening_valley() -> None:
    statement = without_convexity("sam-one-step-sdp-neighbourhood.level")
    found = confirm_at(statement, across_a_widening_valley())
    assert found is not None and found.observed == "10666773/4" and found.extra["period"] == "2"


@pytest.mark.parametrize(("height", "k"), [("0", 8), ("3/2", 8), ("1/2", 7), ("1/2", 2)])
def test_other_ridges_are_refused(height: str, k: int) -> None:
    with pytest.raises(InputError, match="ridges"):
        Ridges(height, k)


def test_a_parameter_that_only_the_dropped_hypothesis_names_keeps_its_sign() -> None:
    (weakened,) = [one for one in weakenings_of(NAMED["sam-on-block.attracts"]) if one.name == "eta*m < 2"]
    assert "m > 0" in map(str, weakened.statement.all_hypotheses)
    # What the loss assumes of its parameters cannot be dropped: the statement would stay the same.
    names = [one.name for one in weakenings_of(NAMED["m-sam-two-centres.minimum"])]
    assert "c > 0" not in names


def test_what_is_quoted_as_false_has_no_hypotheses_to_drop() -> None:
    assert weakenings_of(NAMED["sam-descends"]) == ()


def test_a_normalised_gradient_that_may_vanish_is_no_derivative() -> None:
    """At ρ = 0 the point r₁e₁ is the origin, and the claimed multipliers are not those of gradient descent."""
    for slug in ("quad-cycle-jacobian.step", "quad-cycle-jacobian.stability", "indefinite-saddle-trap-sam.cycle"):
        theorem = NAMED[slug]
        without = theorem.with_(slug="without", hypotheses=tuple(h for h in theorem.hypotheses if h != (rho > 0)))
        assert len(without.hypotheses) < len(theorem.hypotheses)
        assert verify(without, engines=("symbolic", "smt"), budget="quick").verdict.value == "undecided"


def test_the_command_line_names_what_is_not_needed(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = run(
        "verify", "usam-sharp-threshold-convex.divergence", "--hypotheses", "--budget", "quick", "--json", str(out)
    )
    assert done.exit_code == 0
    assert "2 hypotheses: 1 needed, 1 not needed" in done.stdout and "recorded: it only says which" in done.stdout
    (entry,) = json.loads(out.read_text())["theorems"]
    assert [one["outcome"] for one in entry["dropped_hypotheses"]] == ["needed", "not needed"]
    file = tmp_path / "claims.py"
    file.write_text(
        "from sam_theory import *\nhere = Source('me', 'a test')\n"
        "claim = Identity(coordinate(w_next), coordinate(w) * (1 - eta * lam))\n"
        "mine = Theorem('mine', '', here, gd, Quadratic(lam), claim, (eta * lam < 2,))\n"
    )
    done = run("verify", str(file), "--hypotheses", "--budget", "quick")
    assert done.exit_code == 1 and "hypothesis eta*lam < 2 is not needed: proved without it" in done.stdout


def test_solved_constants_have_the_shape_of_a_batch() -> None:
    fixed = sp.Symbol("rho", nonnegative=True)
    theorem = Theorem(
        "fixed", "", HERE, sam, Quadratic(lam), Inequality(norm(w_next), norm(w) * 3), (sp.Eq(fixed, 0), eta * lam < 2)
    )
    assert verify(theorem, engines=("search",), budget="quick").verdict.value == "supported"
