"""Results that were wrong, or that depended on what had run before: each was found by attack, and must stay closed."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from sam_theory import (
    Asymptotic,
    Expression,
    Inequality,
    InputError,
    Instance,
    InterpolationData,
    Link,
    Product,
    Quadratic,
    Source,
    Stability,
    Theorem,
    Threshold,
    Verdict,
    coordinate,
    eta,
    gd,
    grad,
    lam,
    library,
    norm,
    rho,
    usam,
    value,
    verify,
    w,
    w_next,
    w_star,
)
from sam_theory.arithmetic import Coordinates, Float64, Rational, lower
from sam_theory.arithmetic._base import _OFTEN
from sam_theory.arithmetic._compile import compiled
from sam_theory.engines._asymptotic import leading_ratio
from sam_theory.engines._search._data import confirm_data
from sam_theory.losses import Facts, Loss
from sam_theory.rules import Rule
from sam_theory.theorems import Claim
from sam_theory.theorems.edge_of_stability import LAMBERT, start

x = sp.Symbol("x", real=True)
mu = sp.Symbol("mu", positive=True)


def theorem(claim: Claim, loss: Loss, rule: Rule = gd, hypotheses: tuple[sp.Basic, ...] = ()) -> Theorem:
    source = Source("test", "here")
    return Theorem(slug="test", title="", source=source, rule=rule, loss=loss, claim=claim, hypotheses=hypotheses)


# -- proofs ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("rough", "status"), [(0, "proved"), (1, "unknown")])
def test_a_flip_is_smooth_in_the_small_parameter_too(rough: int, status: str) -> None:
    """(x²+μ)^{5/2} is smooth in x for every μ > 0, but not where both are 0: the amplitude is √μ(1 + Θ(√μ))."""
    flip = (2 + mu) * x**2 / 2 - x**4 / 4 - rough * (x**2 + mu) ** sp.Rational(5, 2) / 5
    claim = Asymptotic(coordinate(w) * coordinate(w_next), -mu, mu, sp.S.One, (sp.sqrt(mu),))
    answer, _ = leading_ratio(theorem(claim, Expression(flip, [x]), hypotheses=(sp.Eq(eta, 1),)))
    assert answer.status == status, answer.detail
    if rough:
        assert "smooth where the state and mu are 0" in answer.detail


@pytest.mark.parametrize(("share", "status"), [(1, "proved"), (2, "refuted")])
def test_a_second_name_of_a_parameter_is_read_in_the_ratio_of_series(share: int, status: str) -> None:
    name = sp.Symbol("s2", positive=True)
    claim = LAMBERT.claim
    assert isinstance(claim, Asymptotic)
    renamed = LAMBERT.with_(
        slug="test",
        claim=replace(claim, leading=claim.leading.subs(start, name)),
        hypotheses=(*LAMBERT.hypotheses, sp.Eq(start, name / share)),
        unneeded={},
        dimensions={**LAMBERT.dimensions, "s2": LAMBERT.dimensions["s"]},
    )
    assert leading_ratio(renamed)[0].status == status


@pytest.mark.parametrize("text", ["-1/z**2", "log(z**2)"])
def test_a_link_without_a_value_at_0_has_no_minimum_there(text: str) -> None:
    link = Link("pole", text, even=True)
    assert not link.least_at_zero
    with pytest.raises(InputError, match="minimiser"):
        verify(theorem(Inequality(value(w_star), value(w)), Product(link)), budget="quick")


# -- refutations ----------------------------------------------------------------------------------------------------
def test_beyond_a_threshold_nothing_is_said_to_be_fixed() -> None:
    """At ηλ = 3 the point is not fixed, and the claim says that it is not stable: no contradiction."""
    moving = Stability((sp.Max(0, eta * lam - 2),))
    claim = theorem(Threshold(moving, eta, 2 / lam), Quadratic(lam))
    beyond = claim.with_(candidate=Instance({"eta": 3, "lam": 1}, (1,)))
    assert verify(beyond, engines=("search",), budget="quick").verdict is not Verdict.REFUTED
    below = claim.with_(claim=Threshold(Stability((eta * lam,)), eta, 2 / lam))
    assert verify(below, engines=("search",), budget="quick").verdict is Verdict.REFUTED


# -- hypotheses -----------------------------------------------------------------------------------------------------
def test_numbers_that_belong_to_no_state_do_not_make_a_hypothesis_needed() -> None:
    """‖∇L‖ = λ‖w‖ on ½λw²: the denominator is 1 at every state, though not for every value of the two norms."""
    never_0 = 1 + (1 - rho * lam) * (norm(grad(w)) - lam * norm(w)) ** 2 / (lam * norm(w)) ** 2
    claim = Inequality(norm(w_next) / never_0, (1 + eta * lam) * norm(w), given=(sp.Ne(norm(w), 0),))
    stated = theorem(claim, Quadratic(lam), usam, (rho * lam < 1, eta * lam * (1 + rho * lam) <= 1))
    found = {o.hypothesis: o.outcome for o in verify(stated, budget="quick", hypotheses=True).dropped}
    assert found["lam*rho < 1"] == "not needed"


# -- identifiers ----------------------------------------------------------------------------------------------------
def test_where_the_minimiser_lies_is_part_of_a_statement_that_names_it() -> None:
    bottom = sp.Max(0, x - 1) ** 2 / 2 + sp.Max(0, -x - 1) ** 2 / 2
    ids = set()
    for place in (0, 1):
        facts = Facts(beta=sp.S.One, minimum=sp.S.Zero, minimisers=((sp.Integer(place),),))
        loss = Expression(bottom, [x], name="flat", facts=facts)
        ids.add(theorem(Inequality(norm(w_next - w_star), norm(w - w_star)), loss).id)
    assert len(ids) == 2


# -- what ran before ------------------------------------------------------------------------------------------------
def test_data_are_confirmed_however_often_their_programs_have_run() -> None:
    one = next(t for t in library() if isinstance(t.candidate, InterpolationData))
    assert isinstance(one.candidate, InterpolationData)
    witnesses = {str(confirm_data(one, one.candidate)) for _ in range(2 * _OFTEN + 2)}
    assert len(witnesses) == 1


@pytest.mark.parametrize(
    ("arithmetic", "state"),
    [(Rational(), Coordinates([Fraction(1), Fraction(2)])), (Float64(), np.array([1.0, 2.0]))],
    ids=["rational", "float64"],
)
def test_a_coordinate_that_does_not_exist_is_refused_by_compiled_programs(arithmetic: Rational, state: object) -> None:
    program = lower(coordinate(w, -1))
    for run in (
        lambda: arithmetic.run(program, {"w": state}),
        lambda: compiled(program, arithmetic)(arithmetic, {"w": state}, None),
    ):
        with pytest.raises(InputError, match="coordinate -1"):
            run()


def test_compiled_programs_fail_where_the_interpreter_does() -> None:
    """What comes first in the program is raised first: a division by 0 before an input that is missing after it."""
    a, b = sp.Symbol("a", real=True), sp.Symbol("b", real=True)
    program, arithmetic = lower(1 / a + sp.exp(b)), Rational()
    names = {n: Fraction(0) for n in program.inputs[:1]}
    errors = []
    for run in (arithmetic.run, lambda p, env: compiled(p, arithmetic)(arithmetic, env, None)):
        with pytest.raises((InputError, ArithmeticError)) as caught:
            run(program, names)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]
