"""What the ball engine certifies, refutes and leaves undecided, and how that combines with other engines."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import pytest
import sympy as sp

from sam_theory import (
    Cycle,
    Envelope,
    Identity,
    Inequality,
    Limit,
    Quadratic,
    Source,
    Stability,
    Theorem,
    Threshold,
    Verdict,
    coordinate,
    eta,
    gd,
    lam,
    library,
    norm,
    rho,
    sam,
    usam,
    value,
    verify,
    w,
    w_next,
    w_start,
)
from sam_theory.engines import ENGINES, certify
from sam_theory.engines._ball import _envelope, _identity, box
from sam_theory.engines._ball._envelope import envelope
from sam_theory.engines._ball._identity import vanishes_on
from sam_theory.engines._ball._problem import Problem, chosen_scenes, problems
from sam_theory.engines._budget import budget_of
from sam_theory.engines._registry import capped
from sam_theory.verdicts import EnginesDisagree, Evidence, Region, Witness, decide

NOTES = Source("test", "a test")
LIBRARY = {t.slug: t for t in library()}
radius = eta * lam * rho / (2 - eta * lam)


def statement(claim: Any, *hypotheses: Any, loss: Any = None, rule: Any = gd) -> Theorem:
    return Theorem("test", "a test", NOTES, rule, loss or Quadratic(lam), claim, hypotheses)


CERTIFIED = {
    "usam-sharp-threshold-convex.neutral": "beta in [31/32, 33/32]",
    "product-balancedness-identity.usam": "z**2/2(xy)",
    "usam-sharp-threshold-convex.descent": "convex quadratic",
    "sc-sam-neighbourhood": "up to step 24",
    "pl-usam-descent-and-travel.travel": "up to step 24",
    "usam-sharp-threshold-convex.threshold": "by less than 1/64",
    "gd-usam-linear-stability-product.usam": "log_cosh",
    "sam-1d-two-cycle.cycle": "elsewhere nothing",
    "sam-1d-two-cycle.attracts": "w:0",
    "sam-epsilon-bifurcation.origin": "eps in",
    "sam-never-converges-sc.limsup": "strongly convex quadratic",
}


@pytest.mark.parametrize("slug", CERTIFIED)
def test_theorems_of_the_library_are_certified_on_a_stated_box(slug: str) -> None:
    found = certify(LIBRARY[slug], "quick")
    assert found.verdict == "certified", found.detail
    assert found.region is not None and CERTIFIED[slug] in found.region and found.covers is not None
    assert found.trust_base[:2] == ("FLINT/Arb", "enclosure code")
    again = certify(LIBRARY[slug], "quick")
    assert (again.region, again.detail) == (found.region, found.detail)


@pytest.mark.parametrize(
    "false",
    [
        statement(Inequality(norm(w_next), norm(w) / 2), eta * lam < 1),
        statement(Inequality(norm(w), norm(w), strict=True)),
        statement(Identity(coordinate(w_next), coordinate(w) * (1 - 2 * eta * lam))),
        statement(Envelope(norm(w), norm(w_start) / 2), eta * lam < sp.Rational(1, 2)),
        statement(Threshold(Stability((sp.S.Zero,)), eta, 1 / lam)),
        statement(Cycle(((radius * 2,), (-radius * 2,))), rho > 0, eta * lam < 2, rule=sam),
    ],
    ids=lambda t: t.claim.text(),
)
def test_false_statements_are_never_certified_and_mostly_refuted(false: Theorem) -> None:
    found = certify(false, "quick")
    assert found.verdict != "certified"
    if found.verdict == "refuted":
        assert found.witness is not None and found.witness.confirmed
    elif false.kind != "Inequality":
        pytest.fail(f"{false.claim.text()}: {found.detail}")


def test_a_true_inequality_that_is_an_equality_somewhere_is_certified_elsewhere_or_left_open() -> None:
    tight = statement(Inequality(norm(w_next), norm(w) * (1 - eta * lam)), eta * lam < 1)  # equality everywhere
    assert certify(tight, "quick").verdict == "undecided"


def test_limits_are_not_rounded_up() -> None:
    claim = Limit(norm(w), radius * sp.Rational(1001, 1000))
    found = certify(statement(claim, rho > 0, eta * lam < 2, rule=sam), "quick")
    assert found.verdict == "undecided" and "within" in found.detail
    infinite = certify(statement(Limit(norm(w), sp.oo), eta * lam > 2), "quick")
    assert infinite.verdict == "undecided"


def test_an_identity_beyond_rational_functions_is_said_not_to_be_one() -> None:
    square = eta**2 * lam**2 + 2 * eta * lam + 1
    found = certify(statement(Identity(sp.sqrt(square), eta * lam + 1)), "quick")
    assert found.verdict == "undecided" and "no equality" in found.detail


# -- identities by degree ---
def test_a_degree_bound_that_is_too_small_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def quartic(arithmetic: Any, values: dict[str, Any]) -> list[Any]:
        found = values["x"]
        for i in (1, 2, 3):
            found = found * (values["x"] - arithmetic.number(F(i, 4)))
        return [found]

    assert vanishes_on(box(x=(0, 1)), quartic, 100) == (False, 2)  # 0 at 0, not at 1/5
    sound = _identity._plus
    monkeypatch.setattr(_identity, "_plus", lambda a, b: tuple(max(n - 1, 0) for n in sound(a, b)))
    wrong = vanishes_on(box(x=(0, 1)), quartic, 100)
    assert wrong is not None and wrong[0]  # what the line above would see


def test_branches_must_be_the_same_on_the_whole_box() -> None:
    def modulus(arithmetic: Any, values: dict[str, Any]) -> list[Any]:
        return [arithmetic.abs(values["x"]) - values["x"]]

    assert vanishes_on(box(x=(1, 2)), modulus, 10) == (True, 2)
    with pytest.raises(ArithmeticError):
        vanishes_on(box(x=(-1, 2)), modulus, 10)


# -- horizons ---
GROWS = statement(Envelope(norm(w), 100 * norm(w_start)), eta * lam > 2)


def _doubling() -> Problem:
    [scene] = chosen_scenes(GROWS, False)
    return Problem(scene, box({"eta": 3, "lam": 1, "w:0": ("1", "1.01")}))


def _horizon(steps: int) -> Any:
    from dataclasses import replace

    return replace(budget_of("quick"), horizon=steps)


def _true_up_to(steps: int) -> bool:
    """2^t ≤ 100 for every t up to ``steps``."""
    return all(F(2) ** t <= 100 for t in range(steps + 1))


def test_an_envelope_is_certified_to_the_last_step_at_which_it_holds_and_no_further() -> None:
    found = envelope(_doubling(), _horizon(6))
    assert found.verdict == "certified" and found.horizon == 6 and _true_up_to(found.horizon)
    beyond = envelope(_doubling(), _horizon(7))
    assert beyond.verdict == "refuted" and beyond.witness is not None and beyond.witness.step == 7


def test_an_off_by_one_horizon_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = _envelope._Run.advance

    def late(self: Any) -> None:
        self.calls = getattr(self, "calls", -1) + 1
        if self.calls:
            sound(self)

    monkeypatch.setattr(_envelope._Run, "advance", late)
    found = envelope(_doubling(), _horizon(7))
    assert found.verdict == "certified" and not _true_up_to(found.horizon)  # what the test above would see


def test_accumulated_observables_are_followed() -> None:
    travel = statement(Envelope(norm(w_next - w), norm(w_start), accumulate=True), eta * lam < sp.Rational(1, 2))
    found = certify(travel, "quick")
    assert found.verdict == "certified" and "up to step 24" in str(found.region)
    less = statement(
        Envelope(norm(w_next - w), norm(w_start) / 2, accumulate=True), eta * lam > sp.Rational(3, 4), eta * lam < 1
    )
    assert certify(less, "quick").verdict == "refuted"


# -- together with the other engines ---
def witness(start: str, step: int | None = None, **params: str) -> Witness:
    return Witness("orbit", "quadratic(lam)", params, (start,), step, "2", "1", "fraction")


def refuted(found: Witness) -> Evidence:
    return Evidence("search", "refuted", "found", witness=found)


def test_a_certificate_and_a_witness_contradict_each_other_only_where_both_speak() -> None:
    region = Region("quadratic(lam)", {"eta": ("1/4", "1/2")}, (("1", "2"),), 10)
    certificate = Evidence("ball", "certified", "3 boxes", region="a box", covers=region)
    outside = [witness("1", 3, eta="3"), witness("3", 3, eta="1/3"), witness("1", 11, eta="1/3"), witness("1", 3)]
    for one in outside:
        verdict, found, _ = decide([certificate, refuted(one)], Verdict.PROVED)
        assert verdict is Verdict.REFUTED and found is one
    with pytest.raises(EnginesDisagree, match="search refutes what ball calls certified"):
        decide([certificate, refuted(witness("3/2", 3, eta="1/3"))], Verdict.PROVED)
    with pytest.raises(EnginesDisagree):
        decide([Evidence("smt", "proved", ""), refuted(outside[0])], Verdict.PROVED)
    with pytest.raises(EnginesDisagree):
        decide([Evidence("ball", "certified", "no region given"), refuted(outside[0])], Verdict.PROVED)


def test_a_claim_that_is_false_elsewhere_is_refuted_although_a_box_is_certified() -> None:
    claim = statement(Inequality(norm(w_next), norm(w)), eta * lam < 8)  # true for eta lam <= 2 only
    result = verify(claim, budget="quick")
    assert result.verdict is Verdict.REFUTED
    assert {e.engine for e in result.evidence} >= {"search", "ball"}


def test_what_is_proved_stays_proved_and_what_is_only_certified_says_where() -> None:
    proved = LIBRARY["sam-1d-two-cycle.attracts"]
    result = verify(proved, engines=("symbolic", "smt", "ball"), budget="quick")
    ball = next(e for e in result.evidence if e.engine == "ball")
    assert result.verdict is Verdict.PROVED and ball.established is Verdict.CERTIFIED
    assert "FLINT/Arb" not in result.trust_base
    # Where it is not named, the quick budget asks for a region only where there is no proof.
    assert "ball" not in {e.engine for e in verify(proved, budget="quick").evidence}
    open_one = LIBRARY["sc-sam-neighbourhood-fails-beyond-inverse-beta.general"]
    alone = verify(LIBRARY["usam-sharp-threshold-convex.threshold"], engines=("ball",), budget="quick")
    assert alone.verdict is Verdict.CERTIFIED and "FLINT/Arb" in alone.trust_base
    assert verify(open_one, engines=("ball",), budget="quick").verdict is Verdict.UNDECIDED


def test_quoted_statements_are_not_certified() -> None:
    result = verify(LIBRARY["sam-descends"], budget="quick")
    assert [e.engine for e in result.evidence] == ["search"]


def test_expectations_are_capped_at_what_balls_reach() -> None:
    assert capped("proved", ("ball",)) == "undecided" and capped("certified", ("ball",)) == "certified"
    assert capped("certified", ("search", "ball")) == "certified" and capped("certified", ("smt",)) == "undecided"
    assert capped("refuted", ("ball",)) == "undecided" and ENGINES[-1] == "ball"


def test_default_boxes_are_admitted_and_repeat() -> None:
    theorem = LIBRARY["usam-sharp-threshold-convex.descent"]
    for scene in chosen_scenes(theorem, False):
        found = list(problems(scene, 3))
        assert found and [p.box for p in found] == [p.box for p in problems(scene, 3)]
        for p in found:
            beta, step, r = (p.box[n] for n in ("beta", "eta", "rho"))
            assert step[1] * beta[1] * (1 + r[1] * beta[1]) < 2


def test_usam_is_certified_to_descend_on_a_box_of_parameters() -> None:
    below = statement(Inequality(value(w_next), value(w)), eta * lam * (1 + rho * lam) < 1, rule=usam)
    assert certify(below, "quick").verdict == "certified"


def test_the_table_names_the_region_of_a_certified_verdict() -> None:
    from sam_theory.report._cells import notes

    result = verify(LIBRARY["usam-sharp-threshold-convex.threshold"], engines=("ball",), budget="quick")
    assert any("on loss quadratic(beta): beta in [3/4, 5/4]" in line for line in notes(result, ascii_only=True))
