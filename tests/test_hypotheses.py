"""Each hypothesis is dropped in turn: a witness, a proof without it, or neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sympy as sp
from cli_tools import run

from sam_theory import (
    Inequality,
    InputError,
    Quadratic,
    Source,
    Theorem,
    eta,
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
from sam_theory.theorems import weakenings_of

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
    assert outcomes(NAMED["eos-gap-product.endpoint"])["s <= 3"] in ("needed", "open")


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
