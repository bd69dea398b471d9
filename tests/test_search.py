"""The adversarial search: witnesses re-verified in plain fractions, no verdict without exact confirmation."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from sympy import Rational as Q

from sam_theory.arithmetic import NUMBER, coordinate, norm, parse_expression, value
from sam_theory.engines._budget import BUDGETS, budget_of
from sam_theory.engines._search import refute, search
from sam_theory.engines._search._far import Far, FarArithmetic
from sam_theory.engines._search._jets import image_and_derivative, spectral_side
from sam_theory.engines._search._orbits import exact_orbit
from sam_theory.engines._search._parameters import Parameters
from sam_theory.engines._search._pointwise import Pointwise
from sam_theory.engines._search._scene import scenes
from sam_theory.engines._search._shrink import simplest
from sam_theory.errors import InputError
from sam_theory.losses import ConvexSmooth, Quadratic, StronglyConvex
from sam_theory.rules import gd, rule, sam, usam
from sam_theory.theorems import (
    AlmostEvery,
    Cycle,
    Envelope,
    Identity,
    Inequality,
    Instance,
    Limit,
    Source,
    Stability,
    Theorem,
    Threshold,
    alpha,
    beta,
    eps,
    eta,
    gap,
    lam,
    library,
    rho,
    t,
    w,
    w_next,
    w_start,
)
from sam_theory.verdicts import Witness

SOURCE = Source("test", "a statement made for this test")
THEOREMS = {theorem.slug: theorem for theorem in library()}
TRUE = [slug for slug, theorem in THEOREMS.items() if theorem.status != "quoted"]


def statement(claim, loss, rule=sam, **fields):
    return Theorem(slug="test", title="", source=SOURCE, rule=rule, loss=loss, claim=claim, status="quoted", **fields)


# --- plain fractions: nothing below is shared with the package -----------------------------------------------
def numbers(witness: Witness) -> dict[str, Fraction]:
    return {name: Fraction(text) for name, text in witness.params.items()}


def curvature(witness: Witness) -> Fraction:
    """λ of the witness's loss λ/2 w²."""
    loss = parse_expression(witness.loss)
    (x,) = loss.free_symbols
    coefficient = loss.coeff(x, 2)
    assert loss == coefficient * x**2
    return 2 * Fraction(int(coefficient.p), int(coefficient.q))


def sam_step(x: Fraction, lam_: Fraction, eta_: Fraction, rho_: Fraction) -> Fraction:
    if x == 0:
        return x
    return x - eta_ * lam_ * (x + rho_ * (1 if x > 0 else -1))


def simple(*fractions: Fraction) -> bool:
    return all(max(abs(f.numerator), f.denominator) < 100 for f in fractions)


# --- the false statements ------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("slug", ["sc-sam-neighbourhood-beta2", "sc-sam-neighbourhood-eta-2-over-beta"])
def test_false_neighbourhoods_fall_to_a_trajectory(slug, seed):
    witness = search(THEOREMS[slug], "default", seed).witness
    p, lam_ = numbers(witness), curvature(witness)
    a, b, e, r = p["alpha"], p["beta"], p["eta"], p["rho"]
    assert 0 < a <= lam_ <= b and 0 < e and r >= 0
    assert e * b <= 1 if slug.endswith("beta2") else e * b < 2
    power = 2 if slug.endswith("beta2") else 3
    (x,) = map(Fraction, witness.start)
    first = lam_ * x * x / 2
    for _ in range(witness.step):
        x = sam_step(x, lam_, e, r)
    loss = lam_ * x * x / 2
    bound = (1 - a * e * (2 - e * b)) ** witness.step * first + e * b**power * r**2 / (2 * a * (2 - e * b))
    assert loss > bound
    assert (Fraction(witness.observed), Fraction(witness.bound)) == (loss, bound)
    assert simple(a, b, e, r, *map(Fraction, witness.start))
    assert witness.confirmed_by == "fraction" and witness.form == "orbit"


@pytest.mark.parametrize("seed", [0, 1])
def test_sam_descends_falls_to_one_step(seed):
    witness = search(THEOREMS["sam-descends"], "default", seed).witness
    p, lam_ = numbers(witness), curvature(witness)
    assert 0 < p["alpha"] <= lam_ <= p["beta"] and p["eta"] * p["beta"] <= 1
    (x,) = map(Fraction, witness.start)
    y = sam_step(x, lam_, p["eta"], p["rho"])
    assert y * y > x * x
    assert Fraction(witness.observed) == lam_ * y * y / 2 and Fraction(witness.bound) == lam_ * x * x / 2
    assert simple(*p.values(), x)


@pytest.mark.parametrize("seed", [0, 1])
def test_threshold_that_ignores_rho_falls_to_a_multiplier(seed):
    witness = search(THEOREMS["usam-threshold-ignores-rho"], "default", seed).witness
    p = numbers(witness)
    multiplier = 1 - p["eta"] * p["beta"] * (1 + p["rho"] * p["beta"])
    assert p["eta"] * p["beta"] < 2 and abs(multiplier) > 1
    assert Fraction(witness.observed) == abs(multiplier)
    assert simple(*p.values())


@pytest.mark.parametrize("seed", [0, 1])
def test_sam_converges_falls_to_an_attracting_cycle(seed):
    witness = search(THEOREMS["sam-converges-fixed-rho"], "default", seed).witness
    p = numbers(witness)
    assert p["eta"] * p["lam"] < 1 and p["rho"] > 0
    (x,) = map(Fraction, witness.start)
    y = sam_step(x, p["lam"], p["eta"], p["rho"])
    assert x != 0 and y == -x and sam_step(y, p["lam"], p["eta"], p["rho"]) == x
    # Both points are off 0, so nearby starts follow the same affine branches: the return map contracts.
    assert abs((1 - p["eta"] * p["lam"]) ** 2) < 1
    assert Fraction(witness.extra["multiplier"]) == (1 - p["eta"] * p["lam"]) ** 2
    assert abs(x) == Fraction(witness.observed) != Fraction(witness.bound) == 0


# --- the true statements -------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", TRUE)
def test_true_statements_are_supported(slug):
    evidence = search(THEOREMS[slug], "quick", 0)
    assert evidence.verdict == "supported", evidence.detail
    assert evidence.witness is None
    assert evidence.margin >= 0
    assert evidence.evaluations > 100
    assert evidence.trust_base == ("float64",)


def test_tight_bounds_are_reached():
    for slug in ("sc-sam-neighbourhood", "usam-sharp-threshold-convex.rate", "usam-sharp-threshold-convex.descent"):
        assert search(THEOREMS[slug], "quick", 0).tightness == pytest.approx(1, abs=1e-9)


def test_a_remainder_of_too_high_an_order_is_a_suspicion_and_no_support():
    theorem = THEOREMS["gd-usam-stuck-below-threshold.gd"]
    evidence = search(theorem.with_(claim=replace(theorem.claim, order=sp.Integer(3)), proof=()), "default", 0)
    assert evidence.verdict == "undecided" and evidence.margin < 0


def test_orders_are_fitted():
    evidence = search(THEOREMS["gd-usam-stuck-below-threshold.gd"], "quick", 0)
    slope = float(evidence.detail.split("fitted order ")[1].split()[0])
    assert slope == pytest.approx(2, abs=0.02)


# --- mutants -------------------------------------------------------------------------------------------------
UP, DOWN = Q(101, 100), Q(99, 100)


def mutants():
    def mutant(slug, **changes):
        theorem = THEOREMS[slug]
        fields = {k: changes.pop(k) for k in ("hypotheses", "where") if k in changes}
        claim = replace(theorem.expanded_claim, **changes) if changes else theorem.claim
        fields.setdefault("where", {} if changes else theorem.where)
        return theorem.with_(slug=f"{slug}~", claim=claim, proof=(), status="quoted", expected="refuted", **fields)

    def claim(slug):
        return THEOREMS[slug].expanded_claim

    slug = "sc-sam-neighbourhood"
    yield mutant(slug, bound=claim(slug).bound * DOWN)
    yield mutant(slug, hypotheses=())
    slug = "usam-sharp-threshold-convex.descent"
    yield mutant(slug, rhs=claim(slug).rhs * DOWN)
    slug = "usam-sharp-threshold-convex.threshold"
    yield mutant(slug, critical=claim(slug).critical * UP)
    yield mutant(slug, critical=claim(slug).critical * DOWN)
    slug = "usam-sharp-threshold-convex.divergence"
    yield mutant(slug, hypotheses=(alpha <= beta,))
    for slug in ("gd", "usam"):
        slug = f"gd-usam-linear-stability-product.{slug}"
        yield mutant(slug, critical=claim(slug).critical * UP)
        yield mutant(slug, critical=claim(slug).critical * DOWN)
    slug = "gd-usam-linear-stability-product.small-rho"
    yield mutant(slug, value=claim(slug).value * UP)
    for slug in ("gd", "usam", "sam"):
        slug = f"product-balancedness-identity.{slug}"
        yield mutant(slug, rhs=claim(slug).rhs.xreplace({eta: UP * eta}))
    for slug in ("gd", "usam"):
        slug = f"gd-usam-stuck-below-threshold.{slug}"
        yield mutant(slug, leading=claim(slug).leading * UP)
        yield mutant(slug, leading=claim(slug).leading * claim(slug).small)
    slug = "sam-1d-two-cycle.cycle"
    c = claim(slug)
    yield mutant(slug, points=tuple(tuple(UP * x for x in p) for p in c.points))
    yield mutant(slug, multipliers=tuple(UP * m for m in c.multipliers))
    yield mutant(slug, stable=False)
    yield mutant(slug, exists_iff=eta * lam < Q(202, 100))
    yield mutant(slug, exists_iff=eta * lam < Q(198, 100))
    slug = "sam-1d-two-cycle.attracts"
    yield mutant(slug, value=claim(slug).value * UP)
    yield mutant(slug, hypotheses=(rho > 0,))
    slug = "sam-epsilon-bifurcation.attracts"
    yield mutant(slug, value=claim(slug).value * UP)
    slug = "sam-epsilon-bifurcation.threshold"
    yield mutant(slug, critical=eps * DOWN)
    slug = "sam-never-converges-sc.one-dimension"
    yield mutant(slug, value=claim(slug).value * UP)


@pytest.mark.parametrize("mutant", list(mutants()), ids=lambda m: f"{m.slug}{m.expanded_claim.text()[:60]}")
def test_mutants_are_refuted(mutant):
    witness = refute(mutant, "quick", 0)
    assert witness is not None and witness.confirmed
    assert search(mutant, "quick", 0).verdict == "refuted"


def test_a_dropped_hypothesis_falls_to_a_blow_up():
    theorem = THEOREMS["sam-1d-two-cycle.attracts"].with_(hypotheses=(rho > 0,), proof=())
    witness = refute(theorem, "quick", 0)
    p = numbers(witness)
    assert witness.form == "limit" and witness.observed == "oo"
    assert p["eta"] * p["lam"] >= 2  # so |w⁺| = (ηλ−1)|w| + ηλρ grows beyond every bound


def test_the_witness_of_a_threshold_is_on_the_wrong_side():
    theorem = THEOREMS["usam-sharp-threshold-convex.threshold"]
    critical = theorem.claim.critical
    for factor, beyond in ((UP, 1), (DOWN, -1)):
        claim = replace(theorem.claim, critical=critical * factor)
        witness = refute(theorem.with_(claim=claim, status="quoted"), "quick", 0)
        p = numbers(witness)
        moved = Fraction(2) / (p["beta"] + p["rho"] * p["beta"] ** 2) * Fraction(int(factor.p), int(factor.q))
        modulus = abs(1 - p["eta"] * p["beta"] * (1 + p["rho"] * p["beta"]))
        assert (p["eta"] < moved and modulus >= 1) if beyond > 0 else (p["eta"] > moved and modulus < 1)


def test_the_witness_of_an_identity_is_pythagorean():
    theorem = THEOREMS["product-balancedness-identity.sam"]
    claim = theorem.expanded_claim
    mutant = theorem.with_(claim=replace(claim, rhs=claim.rhs * UP), where={}, status="quoted")
    witness = refute(mutant, "quick", 0)
    assert witness.confirmed_by == "fraction"
    square = sum(Fraction(c) ** 2 for c in witness.start)
    root = Fraction(sp.sqrt(sp.Rational(square)))
    assert root * root == square


# --- verdicts are not rounded up ------------------------------------------------------------------------------
def test_determinism():
    for slug in ("sc-sam-neighbourhood", "sam-1d-two-cycle.attracts", "usam-threshold-ignores-rho", "sam-descends"):
        first, second = (replace(search(THEOREMS[slug], "quick", 7), seconds=0.0) for _ in range(2))
        assert first == second
    assert search(THEOREMS["sc-sam-neighbourhood"], "quick", 8).detail != first.detail


def test_a_violation_that_is_not_confirmed_is_not_called_refuted(monkeypatch):
    monkeypatch.setattr(Pointwise, "confirm", lambda self, point: None)
    evidence = search(THEOREMS["sam-descends"], "quick", 0)
    assert evidence.verdict == "undecided"
    assert "not confirmed" in evidence.detail
    assert evidence.witness is None and evidence.margin < 0


def test_rounding_is_no_violation():
    claim = Identity(coordinate(w_next), (1 - eta * beta) * coordinate(w))
    assert search(statement(claim, Quadratic(beta), gd), "quick", 0).verdict == "supported"
    cancelling = Inequality(value(w_next), value(w) * (1 - eta * beta) ** 2)
    assert search(statement(cancelling, Quadratic(beta), gd), "quick", 0).verdict == "supported"


def test_an_irrational_violation_is_confirmed_by_balls():
    claim = Inequality(norm(w_next), norm(w))
    theorem = statement(claim, Quadratic(2, 1), sam, hypotheses=(eta < 1,))
    witness = refute(theorem, "quick", 0)
    assert witness.confirmed_by in ("fraction", "arb")


@pytest.mark.parametrize("relation", [">=", "=="])
def test_transients_neither_support_nor_refute(relation):
    slow = (eta * beta < Q(1, 10**5),)
    bound = norm(w_start) / 2 if relation == ">=" else sp.S.Zero
    theorem = statement(
        Limit(norm(w), bound, "limsup" if relation == ">=" else "limit", relation),
        Quadratic(beta), gd, hypotheses=slow, starts=AlmostEvery(),
    )  # fmt: skip
    evidence = search(theorem, "quick", 0)
    assert evidence.verdict != "refuted"
    assert relation == "==" or evidence.witness is None
    if relation == "==":
        assert evidence.verdict == "undecided" and "not settled" in evidence.detail


def test_a_repelling_orbit_refutes_nothing_almost_everywhere():
    # w = 0 stays at 0 under SAM, and some starts hit it exactly; almost every start reaches the 2-cycle.
    theorem = THEOREMS["sam-1d-two-cycle.attracts"]
    assert search(theorem, "quick", 0).verdict == "supported"
    everywhere = theorem.with_(starts=None, proof=(), status="quoted")
    witness = search(everywhere, "quick", 0).witness
    assert witness is not None and Fraction(witness.observed) == 0


def test_contradictory_hypotheses_admit_nothing():
    theorem = statement(Inequality(value(w_next), value(w)), Quadratic(beta), gd, hypotheses=(eta > 2, eta < 1))
    evidence = search(theorem, "quick", 0)
    assert evidence.verdict == "undecided" and "no admissible parameters" in evidence.detail
    assert refute(theorem, "quick", 0) is None


def test_an_instance_outside_the_class_is_not_believed():
    theorem = statement(
        Inequality(value(w_next), value(w)), ConvexSmooth(beta), gd, hypotheses=(eta * beta <= 1,),
        attained_by=Instance({"beta": 1, "eta": 1}, (1,), Quadratic(5)),
    )  # fmt: skip
    assert refute(theorem, "quick", 0) is None


def test_noise_is_named_as_what_is_missing():
    from sam_theory.rules._rule import FiniteLaw

    coin = FiniteLaw(((Fraction(1), Fraction(1, 2)), (Fraction(-1), Fraction(1, 2))))

    @rule(noise={"xi": coin})
    def noisy(space, w, *, eta, xi):
        return w - eta * xi * space.grad(w)

    evidence = search(statement(Inequality(value(w_next), value(w)), Quadratic(beta), noisy), "quick", 0)
    assert evidence.verdict == "undecided" and "noise" in evidence.detail


# --- sampling ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("slug", sorted(THEOREMS))
def test_samples_satisfy_the_hypotheses(slug):
    for scene in scenes(THEOREMS[slug])[:2]:
        parameters = Parameters(scene)
        rng = np.random.default_rng(3)
        for values in (parameters.random(rng, 40), parameters.simple(rng, 40)):
            names = [s.name for s in scene.symbols]
            assert set(values) == set(names)
            for i in range(0, len(next(iter(values.values()))), 7):
                point = {s: sp.Float(values[s.name][i], 30) for s in scene.symbols}
                for h in scene.hypotheses:
                    left, right = (sp.N(side.xreplace(point), 25) for side in (h.lhs, h.rhs))
                    slack = 1e-9 * (abs(left) + abs(right))
                    if isinstance(h, sp.Equality):
                        assert abs(left - right) <= slack
                    elif isinstance(h, sp.Unequality):
                        assert left != right
                    else:
                        low, high = (left, right) if isinstance(h, (sp.Lt, sp.Le)) else (right, left)
                        assert low <= high + slack


def test_a_thin_region_is_reached():
    thin = (eta * beta > Q(199, 100), eta * beta < Q(2), alpha > Q(99, 100) * beta, rho > 10 * eta)
    theorem = statement(Inequality(value(w_next), 100 * value(w)), StronglyConvex(alpha, beta), gd, hypotheses=thin)
    scene = scenes(theorem)[0]
    values = Parameters(scene).random(np.random.default_rng(0), 200)
    s = values["eta"] * values["beta"]
    assert len(s) == 200 and ((s > 1.99) & (s < 2)).all()
    assert np.ptp(np.log(values["beta"])) > 2


def test_budgets():
    assert list(BUDGETS) == ["quick", "default", "full"]
    assert budget_of("quick") is BUDGETS["quick"] and budget_of(BUDGETS["full"]) is BUDGETS["full"]
    with pytest.raises(InputError, match="did you mean 'quick'"):
        budget_of("quik")


# --- exact tools ---------------------------------------------------------------------------------------------
def test_simplest_rational():
    for low, high in (("1/3", "1/2"), ("31/100", "34/100"), ("-7/5", "-4/3"), ("22/7", "355/113"), ("-1/9", "1/8")):
        a, b = Fraction(low), Fraction(high)
        found = simplest(a, b)
        assert min(a, b) <= found <= max(a, b)
        denominators = range(1, found.denominator)
        assert not any(min(a, b) <= Fraction(n, d) <= max(a, b) for d in denominators for n in range(-4 * d, 4 * d))


def test_jets_differentiate_sam_exactly():
    theorem = statement(Inequality(value(w_next), value(w)), Quadratic(3, 1), sam)
    scene = scenes(theorem)[0]
    at = (Fraction(1), Fraction(4))  # gradient (3, 4), norm 5
    values = {"eta": Fraction(1, 2), "rho": Fraction(1, 3)}
    image, matrix = image_and_derivative(scene, values, at)
    names = {sp.Symbol("eta", real=True): Q(1, 2), sp.Symbol("rho", real=True): Q(1, 3)}
    expected = scene.map.jacobian_at(at).xreplace(names)
    assert [[sp.Rational(x) for x in row] for row in matrix] == expected.applyfunc(sp.nsimplify).tolist()
    assert image == [1 - Fraction(3, 2) * (1 + Fraction(1, 5)), 4 - Fraction(1, 2) * (4 + Fraction(4, 15))]


def test_spectral_side():
    half, one = Fraction(1, 2), Fraction(1)
    assert spectral_side([[half, Fraction(7)], [Fraction(0), -half]]) == -1
    assert spectral_side([[one, Fraction(0)], [Fraction(0), half]]) == 0
    assert spectral_side([[half, half], [half, Fraction(1, 4)]]) == -1
    assert spectral_side([[one, one], [one, one]]) == 1


def test_exact_orbits_are_solved_on_their_branch():
    scene = scenes(statement(Inequality(value(w_next), value(w)), Quadratic(lam), sam))[0]
    values = {"eta": Fraction(1, 2), "lam": Fraction(1), "rho": Fraction(1)}
    orbit = exact_orbit(scene, values, [0.3333333], 2)
    assert orbit.points == ((Fraction(1, 3),), (Fraction(-1, 3),))
    assert orbit.attracting and orbit.derivative == [[Fraction(1, 4)]]


def test_far_numbers_are_ordered_by_their_power():
    far = FarArithmetic()
    omega = far.large(1)[0]
    assert omega > 10**9 and -omega < -(10**9) and omega * omega > 10**9 * omega
    assert far.sign(3 - omega) == -1
    assert abs(Far([Fraction(1), Fraction(-2)])) == Far([Fraction(-1), Fraction(2)])


# --- other statements than those of the library ---------------------------------------------------------------
def test_envelopes_that_accumulate():
    travelled = norm(w_next - w)
    true = statement(
        Envelope(travelled, norm(w_start), accumulate=True), Quadratic(beta), gd, hypotheses=(eta * beta <= 1,)
    )
    assert search(true, "quick", 0).verdict == "supported"
    false = true.with_(claim=Envelope(travelled, DOWN * norm(w_start), accumulate=True))
    assert search(false, "quick", 0).verdict == "refuted"


def test_a_false_rate_is_refuted():
    wrong = statement(
        Envelope(gap(w), (1 - eta * alpha) ** (3 * t) * gap(w_start)), StronglyConvex(alpha, beta), gd,
        hypotheses=(eta * beta <= 1,),
    )  # fmt: skip
    witness = search(wrong, "quick", 0).witness
    assert witness is not None and witness.form == "orbit"


def test_a_cycle_of_a_user_rule():
    @rule(dimensions={"eta": 1 / THEOREMS["sam-descends"].known_dimensions["beta"]})
    def flip(space, w, *, eta):
        return w - 2 * eta * space.grad(w)

    point = sp.Symbol("p", positive=True)
    claim = Cycle(((point,), (-point,)), (sp.S.One,))
    theorem = statement(claim, Quadratic(beta), flip, hypotheses=(sp.Eq(eta, 1 / beta),), dimensions={"p": NUMBER})
    assert search(theorem, "quick", 0).verdict == "supported"
    assert search(theorem.with_(claim=replace(claim, multipliers=(sp.Integer(2),))), "quick", 0).verdict == "refuted"


def test_a_threshold_in_every_direction():
    claim = Threshold(Stability((sp.S.Zero, sp.S.Zero)), eta, 2 / (beta * (1 + rho * beta)))
    theorem = statement(claim, Quadratic(beta, alpha), usam, hypotheses=(alpha <= beta,))
    assert search(theorem, "quick", 0).verdict == "supported"
    assert refute(theorem.with_(claim=replace(claim, critical=2 / (alpha * (1 + rho * alpha))))) is not None
