"""Leading terms in series, the lemmas of the slow drift and of the collapse: known answers, and premises that fail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy as sp

from sam_theory.arithmetic import Float64, NotExact, Series, Traced, Undecided, coordinate, lower
from sam_theory.dynamics import Map
from sam_theory.engines import verify
from sam_theory.engines._asymptotic import exact_leading_term, leading_ratio
from sam_theory.engines._leading import Leading
from sam_theory.losses import Expression, FactorProduct, Link, Product, log_cosh
from sam_theory.rules import Space, rule, sam
from sam_theory.theorems import Asymptotic, Theorem
from sam_theory.theorems._symbols import eta, rho, w, w_next, w_start
from sam_theory.theorems.drift import (
    FINITE_TRAJECTORY,
    ONE_SAMPLE,
    PRODUCT_STEP,
    PRODUCT_TRAJECTORY,
    SMALL_ETA_AT_EDGE,
    Y,
    first_integral,
    radius,
    tau,
)
from sam_theory.theorems.terminal_phase import COLLAPSE, p
from sam_theory.theorems.three_factors import CONSERVED, Z
from sam_theory.theorems.three_factors import TRAJECTORY as THREE
from sam_theory.theorems.three_factors import Y as THREE_Y
from sam_theory.theorems.three_factors import first_integral as three_integral

e = sp.Symbol("e", positive=True)
a = sp.Symbol("a", positive=True)
b = sp.Symbol("b", real=True)


def of(theorem: Theorem) -> Asymptotic:
    assert isinstance(theorem.claim, Asymptotic)
    return theorem.claim


# -- series ------------------------------------------------------------------------------------------------------------
def expansion(formula: sp.Expr, terms: int = 5) -> Any:
    series = Series(e, terms, lambda _: None)
    env = {s.name: series.constant(s) for s in formula.free_symbols}
    return series.run(lower(formula), env)["result"]


@pytest.mark.parametrize(
    "formula",
    [
        sp.sqrt(a**2 + e) / (1 + a * e),
        sp.exp(a * e) * sp.cos(e) / e**2,
        (sp.sqrt(1 + a * e) - 1) / sp.sin(e),
        sp.log(a + e) - sp.log(a),
        sp.Abs(-a + e) * sp.sign(a + b * e),
        sp.Max(a, a + e) ** 3 / (a + e) ** 2,
        sp.atan(e) - sp.tanh(e),
        sp.sqrt(a * e**4 + e**6),
    ],
    ids=str,
)
def test_a_series_agrees_with_sympy(formula: sp.Expr) -> None:
    found = expansion(formula)
    assert found.coefficients
    end = found.order + len(found.coefficients) if found.exact else found.precision
    rest = formula - sum(found.coefficient(k) * e**k for k in range(found.order, end))
    sizes = []
    for small in (sp.Rational(1, 10**3), sp.Rational(1, 10**5)):
        value = rest.subs({a: sp.Rational(3, 2), b: -sp.Rational(2, 3), e: small}).evalf(80)
        sizes.append(abs(value) / small**end)
    assert sizes[1] < 3 * sizes[0] + sp.Rational(1, 10**30)  # O(e^end): bounded, not growing


def test_a_series_refuses_what_it_cannot_decide() -> None:
    for formula, problem in [
        (sp.sign(b), Undecided),
        (1 / (b + e), Undecided),
        (sp.sqrt(b + e), Undecided),
        (sp.sqrt(e), NotExact),
        (sp.log(b + e), Undecided),
        (sp.exp(1 / e), NotExact),
    ]:
        with pytest.raises(problem):
            expansion(formula)


def test_a_series_does_not_know_what_it_left_out() -> None:
    cut = expansion(sp.exp(e) - 1 - e - e**2 / 2, terms=2)
    assert not cut.coefficients and not cut.exact
    with pytest.raises(Undecided):
        _ = cut.leading


# -- a few steps -------------------------------------------------------------------------------------------------------
def test_the_exact_coefficient_is_what_simulation_shows() -> None:
    """The coefficient of the remainder, not only the leading term: quantity/leading − 1 over ρ²."""
    found = exact_leading_term(SMALL_ETA_AT_EDGE)
    assert isinstance(found, Leading) and found.then is not None
    values = {"lam": 1.0, "a": 0.5, "b": 0.3, "d": -0.2, "mu": 0.4, "eta": 1.3, "rho": 1e-3}
    system = Map(sam, SMALL_ETA_AT_EDGE.loss)
    r = values["eta"] * values["rho"] / (2 - values["eta"])
    image = system.step(Float64(), {"w": np.array([r, 0.0, 0.0])}, values)["w"][2]
    numbers = {s: values[s.name] for s in SMALL_ETA_AT_EDGE.symbols}
    expected = float(found.term.subs(numbers))
    coefficient = float(found.then.subs(numbers))
    assert (image / expected - 1) / values["rho"] ** 2 == pytest.approx(coefficient, rel=1e-3)


def test_the_small_step_size_law_falls_to_the_exact_ratio() -> None:
    answer, _ = leading_ratio(SMALL_ETA_AT_EDGE)
    assert answer.status == "refuted" and "4/(eta*lam - 2)**2" in answer.detail
    result = verify(SMALL_ETA_AT_EDGE, budget="quick")
    assert result.verdict.value == "refuted" and result.witness is not None


def test_a_remainder_of_too_high_an_order_is_refuted() -> None:
    claim = replace(of(PRODUCT_STEP), order=sp.Integer(3))
    false = PRODUCT_STEP.with_(claim=claim, status="quoted", expected="refuted")
    assert leading_ratio(false)[0].status == "refuted"
    assert verify(false, budget="quick").verdict.value == "refuted"


def test_a_leading_term_that_may_vanish_is_not_proved() -> None:
    open_end = SMALL_ETA_AT_EDGE.with_(hypotheses=SMALL_ETA_AT_EDGE.hypotheses[:-1])
    assert leading_ratio(open_end)[0].status == "unknown"


def test_an_expectation_is_over_every_sample() -> None:
    """Leaving out the second sample halves nothing by accident: its law is part of the claim."""
    claim = of(ONE_SAMPLE)
    one = replace(claim, leading=claim.leading.subs(sp.Symbol("a2", real=True), 0))
    assert leading_ratio(ONE_SAMPLE)[0].status == "proved"
    assert leading_ratio(ONE_SAMPLE.with_(claim=one))[0].status == "refuted"


def test_noise_and_many_steps_is_refused() -> None:
    claim = replace(of(ONE_SAMPLE), at=tau / rho**2)
    many = ONE_SAMPLE.with_(claim=claim, dimensions={}, status="quoted")
    assert leading_ratio(many)[0].status == "unknown"


# -- the slow drift ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("theorem", [PRODUCT_TRAJECTORY, FINITE_TRAJECTORY, THREE], ids=lambda t: t.slug)
def test_the_drift_is_proved_to_second_order(theorem: Theorem) -> None:
    found = exact_leading_term(theorem)
    assert isinstance(found, Leading) and found.order == 2 and leading_ratio(theorem)[0].status == "proved"
    third = theorem.with_(claim=replace(of(theorem), order=sp.Integer(3)), status="quoted")
    assert leading_ratio(third)[0].status == "unknown"


def test_the_drift_is_that_of_a_long_orbit() -> None:
    """At finite ηλ: F falls by 8ηρ²t within O(ρ²), far from the law of the small step size."""
    step, y, ascent = 0.5, 1.8, 0.01
    values = {"eta": step, "rho": ascent}
    system, arithmetic = Map(sam, Product(log_cosh)), Float64()
    lam = y**2
    state = {"w": np.array([step * lam * ascent / (2 - step * lam), y])}
    for _ in range(4000):
        state = system.step(arithmetic, state, values)
    integral = sp.lambdify(Y, first_integral(Y).subs(eta, sp.Rational(1, 2)))
    fall = integral(lam) - integral(float(state["w"][1]) ** 2)
    assert fall == pytest.approx(8 * step * ascent**2 * 4000, rel=2e-3)


def wrong(theorem: Theorem, **changes: Any) -> str:
    claim = replace(of(theorem), **changes.pop("claim", {}))
    found = theorem.with_(claim=claim, status="quoted", **changes)
    answer, _ = leading_ratio(found)
    assert answer.status != "proved"
    return answer.detail


def test_a_start_that_is_not_on_the_cycle_is_not_covered() -> None:
    lam0 = of(PRODUCT_TRAJECTORY).start[0]
    assert "no 2-cycle" in wrong(PRODUCT_TRAJECTORY, claim={"start": (2 * lam0, Y)})


def test_a_cycle_that_does_not_attract_is_not_covered() -> None:
    """Without ηλ < 2 nothing is said of the sign of r, nor of its stability."""
    assert wrong(PRODUCT_TRAJECTORY, hypotheses=(rho > 0, sp.Ne(eta * sp.Symbol("c", positive=True) * Y**2, 2)))


def test_a_second_direction_that_repels_is_not_covered() -> None:
    """The cycle along the smaller eigenvalue is unstable: it is followed alone where no orbit leaves its plane."""
    hypotheses = tuple(h for h in FINITE_TRAJECTORY.hypotheses if not h.has(sp.Symbol("nu", positive=True)))
    in_the_plane = FINITE_TRAJECTORY.with_(hypotheses=hypotheses, status="quoted")
    assert leading_ratio(in_the_plane)[0].status == "proved"
    bowl = FINITE_TRAJECTORY.loss
    n1, n2 = sp.symbols("n1 n2", real=True)
    tilted = Expression(bowl.expression + n1**2 * n2, bowl.variables, name="tilted", facts=bowl.facts)
    assert "modulus below 1" in wrong(FINITE_TRAJECTORY, loss=tilted, hypotheses=hypotheses)


def test_a_hypothesis_that_the_drift_leaves_is_not_covered() -> None:
    """y > 1 does not stay true while y falls to 0."""
    assert "stay true" in wrong(PRODUCT_TRAJECTORY, hypotheses=(*PRODUCT_TRAJECTORY.hypotheses, Y > 1, eta < 1))


def test_a_quantity_of_no_constant_rate_or_of_the_fast_coordinate_is_refused() -> None:
    height, height_start = coordinate(w, 1), coordinate(w_start, 1)
    assert "constant rate" in wrong(PRODUCT_TRAJECTORY, claim={"quantity": height_start**2 - height**2})
    fast = of(PRODUCT_TRAJECTORY).quantity + coordinate(w, 0) ** 2
    assert "fast coordinates" in wrong(PRODUCT_TRAJECTORY, claim={"quantity": fast})


def test_a_drift_of_a_quantity_divided_by_what_may_vanish_at_the_start_is_not_proved() -> None:
    where_equal = CONSERVED.with_(
        slug="z-may-be-y", hypotheses=tuple(h for h in CONSERVED.hypotheses if h != (Z < THREE_Y))
    )
    assert len(where_equal.hypotheses) == len(CONSERVED.hypotheses) - 1
    assert "vanishes" in str(exact_leading_term(where_equal))
    assert not isinstance(exact_leading_term(CONSERVED), str)


def test_another_time_scale_is_refused() -> None:
    assert "multiple" in wrong(PRODUCT_TRAJECTORY, claim={"at": tau / rho})
    assert "multiple" in wrong(PRODUCT_TRAJECTORY, claim={"at": -tau / rho**2})


@rule(dimensions=sam.dimensions)
def stretched_sam(space: Space, w: Traced, *, eta: Traced, rho: Traced) -> Traced:
    """SAM with the step η(1+‖g‖): the factor is the same at both ends of the cycle, which breaks the symmetry."""
    g = space.grad(w)
    return w - eta * (1 + space.norm(g)) * space.grad(w + rho * space.unit(g))


def test_without_the_symmetry_only_the_first_order_is_known() -> None:
    claim = replace(of(FINITE_TRAJECTORY), order=sp.S.One)
    first = FINITE_TRAJECTORY.with_(rule=stretched_sam, claim=claim, status="quoted")
    assert leading_ratio(first)[0].status == "proved"
    assert "known to be O(rho^1) only" in wrong(FINITE_TRAJECTORY, rule=stretched_sam)


# -- the collapse ------------------------------------------------------------------------------------------------------
def test_the_collapse_is_proved_and_its_premises_are_needed() -> None:
    assert leading_ratio(COLLAPSE)[0].status == "proved"
    kept = [h for h in COLLAPSE.hypotheses if not (h.is_Relational and h.has(p**4))]
    assert len(kept) == len(COLLAPSE.hypotheses) - 1
    assert "hypotheses do not say" in wrong(COLLAPSE, hypotheses=tuple(kept))
    x0, y0 = of(COLLAPSE).start
    assert "no 2-cycle" in wrong(COLLAPSE, claim={"start": (2 * x0, y0)})
    other = coordinate(w_next, 0) / coordinate(w, 0)
    assert wrong(COLLAPSE, claim={"quantity": other})  # −p²: not p


def test_the_collapse_is_what_sam_does() -> None:
    """k = 0.28 < k_c: on the smaller root p SAM shrinks to the origin with fixed ρ, at this rate."""
    root = max(float(r) for r in np.roots([-1, -0.28, 1, -0.28]) if abs(r.imag) < 1e-12 and 0 < r.real < 1)
    values = {"eta": 0.4, "rho": float(np.sqrt(0.28 / 0.4))}
    system, arithmetic = Map(sam, Product(log_cosh)), Float64()
    omega = (1 - root) / (root * (1 + root))
    small = 0.02
    state = {"w": np.array([omega * small**2 / values["rho"], small])}
    for _ in range(60):
        before, state = state, system.step(arithmetic, state, values)
    assert state["w"][1] / before["w"][1] == pytest.approx(root, rel=1e-6)


# -- products of more factors ------------------------------------------------------------------------------
def test_the_gradient_of_a_product_of_factors() -> None:
    link = Link("cubic", "z**3/3 + z")
    loss = FactorProduct(link, 3)
    x, y, z = loss.coordinates()
    value = loss.symbolic_value()
    for component, variable in zip(loss.symbolic_gradient(), (x, y, z), strict=True):
        assert sp.expand(component - sp.diff(value, variable)) == 0
    assert loss.dimension == 3


def test_the_integral_of_three_factors_is_one() -> None:
    """Its derivative along the averaged drift is constant: checked here without the engine."""
    c = sp.Symbol("c", positive=True)
    Z = sp.Symbol("Z", positive=True)
    g = three_integral(Y, Z)
    common = -4 * eta * c * Y * Z / (2 - eta * c * Y**2 * Z**2) ** 2
    rate = sp.diff(g, Y) * common * Z + sp.diff(g, Z) * common * Y
    assert sp.simplify(rate + 8 * eta * c) == 0


def test_radius_is_that_of_the_quadratic() -> None:
    lam = sp.Symbol("lam", positive=True)
    assert sp.simplify(radius(lam) + rho - 2 * rho / (2 - eta * lam)) == 0
