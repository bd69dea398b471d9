"""Certificates that would say too much: each was accepted once, and must never be again."""

from __future__ import annotations

from typing import Any

import pytest
import sympy as sp

from sam_theory import (
    AlmostEvery,
    Envelope,
    GeometricSum,
    Identity,
    Inequality,
    InputError,
    Limit,
    Quadratic,
    ScaleInvariant,
    Source,
    SpectralQuadratic,
    Stability,
    StrictSaddles,
    StronglyConvex,
    Theorem,
    Threshold,
    alpha,
    beta,
    coordinate,
    dot,
    eta,
    gd,
    norm,
    rule,
    verify,
    w,
    w_next,
    w_star,
)
from sam_theory.checker import certificate, check_text, dumps

HERE = Source("here", "here")


def statement(claim: Any, loss: Any, rule: Any = gd, **more: Any) -> Theorem:
    return Theorem(slug="x", title="x", source=HERE, rule=rule, loss=loss, claim=claim, status="quoted", **more)


def outcome(theorem: Theorem, verdict: str, form: str, body: Any) -> str:
    return check_text(dumps(certificate(theorem, verdict, form, body)), [theorem]).status


@rule
def still(space: Any, w: Any) -> Any:
    """w⁺ = w."""
    return w


def test_strict_saddles_are_no_lemma_for_a_checker_that_does_not_look_at_the_map() -> None:
    zero, one = sp.S.Zero, sp.S.One
    lemma = StrictSaddles(
        potential=norm(w) ** 2 - norm(w), decrease=one, coercivity=(one / 2, one), peak=(one, one),
        attractors=((one, zero),), saddles=(), probes=(),
    )  # fmt: skip
    false = statement(Limit(coordinate(w, 0), one), Quadratic(1, 2), still, starts=AlmostEvery(), proof=(lemma,))
    # every premise on the potential holds of the identity, and these are exact refutations of their negations
    half = {"combine": [{"coefficient": "1", "factors": []}]}
    names = ("potential decreases", "decrease is positive", "potential is coercive", "coercivity is positive")
    goals = [{"goal": n, "steps": [half]} for n in names]
    body = {"counts": {"trees": 4, "replay": 0, "later": 0}, "goals": goals}
    found = check_text(dumps(certificate(false, "proved", "proof", body)), [false])
    assert found.status == "rejected"
    assert "the proof has 12 goals, the certificate speaks of 4" in found.reason


@pytest.mark.parametrize(
    ("loss", "claim", "family", "numbers", "start"),
    [
        (SpectralQuadratic(1, 2), Inequality(dot(w_next, w_next), dot(w, w)), "quadratic, d=1", {"m_t1": "0"}, ["0"]),
        (
            ScaleInvariant(),
            Inequality(dot(w, w), dot(w_next, w_next)),
            "Rayleigh quotient, d=2",
            {"m_a2": "1/2"},
            ["-1", "3"],
        ),
    ],
)
def test_members_of_a_class_that_fixes_the_origin_cannot_be_moved(
    loss: Any, claim: Any, family: str, numbers: dict[str, str], start: list[str]
) -> None:
    true = statement(claim, loss, hypotheses=(eta < 1,))
    shift = {f"m_shift{i + 1}": "1" for i in range(len(start))}
    member = {"family": f"{family}, minimiser moved", "numbers": {**numbers, **shift}}
    chosen = {"params": {"eta": "1/2"}, "member": member, "data": None, "start": start, "step": 1}
    from sam_theory.checker import Rejected, consequences

    with pytest.raises(Rejected, match="cannot be moved"):
        consequences(true, chosen)


@pytest.mark.parametrize("name", ["w", "w_next", "w_star", "w_start"])
def test_no_parameter_bears_the_name_of_a_vector(name: str) -> None:
    """In one dimension vectors are numbers: 'w_star > 0' would be an assumption on the minimiser."""
    p = sp.Symbol(name, positive=True)
    with pytest.raises(InputError, match="has a meaning of its own"):
        statement(
            Inequality(sp.S.Zero, norm(w_star), strict=True), StronglyConvex(1, 2, dimension=1), hypotheses=(p > 1,)
        )


@rule
def shrink(space: Any, w: Any) -> Any:
    """w⁺ = w/2, which no translation leaves alone."""
    return w / 2


def test_a_worst_case_speaks_of_every_minimiser() -> None:
    before, after = dot(w - w_star, w - w_star), dot(w_next - w_star, w_next - w_star)
    false = statement(Inequality(after, before / 4), StronglyConvex(1, 2), shrink)
    dual = {
        "kind": "worst-case", "schema": 1, "rule": "shrink", "options": {}, "class": "StronglyConvex",
        "constants": {"alpha": "1", "beta": "2"}, "parameters": {}, "steps": 1, "initial": "distance",
        "final": "distance", "level": "1", "gradient_norm": None, "bound": "1/4", "tau": "1/4", "mu": None,
        "multipliers": [], "labels": ["w"], "matrix": [["0"]],
    }  # fmt: skip
    body = {"region": "class StronglyConvex(1, 2), at the points ()", "points": [{"params": {}, "dual": dual}]}
    assert outcome(false, "certified", "points", body) == "rejected"
    assert verify(false, engines=("worst-case",), budget="quick").verdict != "certified"


@pytest.mark.parametrize("number", ["1e9999999999", "1/0", "0.5", "1_0", "2/4", "9" * 5000])
def test_numbers_are_read_strictly_and_at_once(number: str) -> None:
    true = statement(Inequality(norm(w_next) ** 2, norm(w) ** 2), StronglyConvex(1, 2), hypotheses=(eta < 1,))
    chosen = {"params": {"eta": number}, "member": None, "data": None, "start": [], "step": None}
    assert outcome(true, "refuted", "refutation", chosen) == "rejected"
    points = [{"params": {"eta": number}, "dual": {"tau": number}}]
    assert outcome(true, "certified", "points", {"region": "", "points": points}) == "rejected"


@pytest.mark.parametrize(
    ("rate", "strict"),
    [
        (sp.Rational(81, 100) - sp.Rational(1, 10**20), False),
        (sp.Rational(81, 100) - sp.Rational(1, 10**12), False),
        (sp.Rational(81, 100), True),
    ],
)
def test_a_worst_case_is_neither_rounded_nor_strict(rate: sp.Rational, strict: bool) -> None:
    """The exact factor is 81/100, and both sides are 0 at the minimiser."""
    here = (sp.Eq(alpha, sp.Rational(1, 10)), sp.Eq(beta, 1), sp.Eq(eta, 1))
    before, after = dot(w - w_star, w - w_star), dot(w_next - w_star, w_next - w_star)
    false = statement(Inequality(after, rate * before, strict=strict), StronglyConvex(alpha, beta), hypotheses=here)
    assert verify(false, engines=("worst-case",), budget="quick").verdict != "certified"


class Magic(GeometricSum):
    """A lemma that asks for nothing."""

    def premises(self, claim: Any) -> Any:
        return iter(())


def test_the_list_of_lemmas_is_closed() -> None:
    with pytest.raises(InputError, match="none of the lemmas"):
        statement(Envelope(norm(w), sp.S.Zero), Quadratic(1), proof=(Magic(sp.S.Half),))


def test_below_a_negative_critical_value_the_quotient_is_above_1() -> None:
    zero = Stability((sp.S.Zero,))
    false = statement(Threshold(zero, -eta, sp.Integer(-2)), Quadratic(1)).with_(status="conjecture")
    true = statement(Threshold(zero, eta - 4, sp.Integer(-2)), Quadratic(1)).with_(status="conjecture")
    for theorem, wanted, sides, shown in ((false, False, ["1/2", "1"], "stable"), (true, True, ["1", "3/2"], "stable")):
        found = verify(theorem, engines=("ball",), budget="quick")
        assert (found.verdict == "certified") is wanted
        low, high = sides
        region = f"loss quadratic(1): eta in [{low}, {high}], except where {theorem.claim.quantity} differs"
        body = {
            "kind": "Threshold", "loss": "quadratic(1)", "box": {"eta": sides},
            "region": f"{region} from -2 by less than 1/64 of it",
            "leaves": [{"sides": [sides], "shown": shown}],
        }  # fmt: skip
        assert outcome(theorem, "certified", "region", body) == ("verified" if wanted else "rejected")


def test_a_root_that_is_no_polynomial_is_no_crash() -> None:
    a = sp.Symbol("a", real=True)
    claim = Identity(sp.sqrt(a) * sp.sqrt(a + 1) - sp.sqrt(a * (a + 1)), sp.S.Zero)  # false at a = -2
    body = {"kind": "Identity", "loss": "", "box": {"a": ["-2", "-2"], "eta": ["1", "1"]}, "region": "a = -2, eta = 1"}
    assert outcome(statement(claim, Quadratic(1)), "certified", "region", body) == "rejected"
