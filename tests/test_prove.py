"""The proving engines close what is true, and never what is false."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp
from sympy import Rational, Symbol, sqrt

from sam_theory import (
    AffineLowerRecursion,
    AlmostEvery,
    DistanceDecreases,
    Envelope,
    GeometricSum,
    Identity,
    Inequality,
    InputError,
    Limit,
    OrbitsAvoiding,
    Product,
    Quadratic,
    Source,
    Stability,
    Step,
    StronglyConvex,
    Theorem,
    Threshold,
    alpha,
    any_link,
    beta,
    dot,
    eta,
    gap,
    gd,
    lam,
    library,
    mutants_of,
    norm,
    rho,
    rule,
    sam,
    t,
    usam,
    value,
    w,
    w_next,
    w_start,
    x,
    y,
)
from sam_theory.arithmetic import LENGTH, NUMBER, STEP_SIZE
from sam_theory.engines import budget_of
from sam_theory.engines._asymptotic import exact_leading_term, leading_ratio
from sam_theory.engines._context import one_context
from sam_theory.engines._goal import Goal
from sam_theory.engines._goals import goals_of
from sam_theory.engines._orbit_goals import sides, stability_margin
from sam_theory.engines._prove import PROVERS, prove
from sam_theory.engines._recheck import recheck
from sam_theory.engines._smt import _at_numbers, close, satisfiable
from sam_theory.engines._symbolic import close as reduce
from sam_theory.engines._symbolic import parameter_limit

QUICK = budget_of("quick")
NOTES = Source("test", "a test")
BY_SLUG = {t.slug: t for t in library()}
PROVED = [t for t in library() if t.expected == "proved" and t.kind != "Comparison"]
DIRECT = ("Identity", "Inequality", "Threshold", "Cycle")


def proved(theorem: Theorem) -> bool:
    """Whether the proving engines together establish the theorem."""
    evidence = prove(theorem, PROVERS, QUICK, np.random.default_rng(0))
    return bool(evidence) and all(e.established == "proved" for e in evidence)


# The whole library is verified and compared with the record by .ci/run; here a third of it, by the provers alone.
@pytest.mark.parametrize("theorem", PROVED[::3], ids=lambda t: t.slug)
def test_what_the_library_expects_proved_is_proved(theorem: Theorem) -> None:
    assert proved(theorem)


@pytest.mark.parametrize("theorem", PROVED, ids=lambda t: t.slug)
def test_no_mutant_is_proved(theorem: Theorem) -> None:
    for name, mutant in mutants_of(theorem):
        if mutant.kind in DIRECT:
            # A false claim over a class keeps the proof's facts, so that only the constant is wrong.
            steps = [s for s in theorem.proof if isinstance(s, Step)]
            if steps:
                last = steps[-1]
                kept = theorem.proof[: theorem.proof.index(last)]
                mutant = mutant.with_(proof=(*kept, Step(last.name, mutant.expanded_claim, last.using)))
            assert not proved(mutant), name
        elif mutant.kind == "Asymptotic":
            assert leading_ratio(mutant)[0].status != "proved", name
        elif getattr(mutant.claim, "variable", None) is not None:
            assert parameter_limit(mutant).status != "proved", name
        elif theorem.proof:
            try:
                assert not proved(mutant.with_(proof=theorem.proof)), name
            except InputError:
                continue


def sc(claim: Envelope, proof: tuple[Step | GeometricSum, ...], *hypotheses: sp.Basic) -> Theorem:
    """SAM on strongly convex losses."""
    return Theorem(
        "test", "a test", NOTES, sam, StronglyConvex(alpha, beta), claim, hypotheses, proof=proof, status="quoted"
    )


@pytest.mark.parametrize("offset", [Rational(9, 10), 1 / beta, beta, rho])
def test_a_wrong_offset_is_not_proved_even_with_a_bound_that_fits_it(offset: sp.Expr) -> None:
    right = BY_SLUG["sc-sam-neighbourhood"]
    (lemma,) = right.proof
    assert isinstance(lemma, GeometricSum)
    b = lemma.offset * offset
    claim = Envelope(gap(w), lemma.factor**t * gap(w_start) + b / (1 - lemma.factor))
    assert not proved(sc(claim, (GeometricSum(lemma.factor, b, lemma.using),), eta * beta <= 1))


def test_without_cauchy_schwarz_or_cocoercivity_the_gram_data_leave_a_model_and_no_proof() -> None:
    for slug, dropped in (
        ("sc-sam-neighbourhood", "Cauchy-Schwarz: w, p1"),
        ("usam-sharp-threshold-convex.descent", "cocoercivity: w, p1"),
        ("pl-usam-descent-and-travel.descent", "Cauchy-Schwarz: w, p1"),
    ):
        theorem = BY_SLUG[slug]
        last = theorem.proof[-1]
        using = tuple(u for u in last.using if u != dropped)
        assert len(using) < len(last.using)
        weaker = theorem.with_(proof=(*theorem.proof[:-1], type(last)(**{**vars(last), "using": using})))
        assert not proved(weaker)


def test_contradictory_assumptions_prove_nothing() -> None:
    a = Symbol("a", real=True)
    assert close(Goal("g", (a > 0, a < 0), a > 5), 10**6).status == "empty"
    assert satisfiable((a > 0, a < 0)) is False
    assert satisfiable((a > 0, a < 1)) is True


def test_numbers_show_that_assumptions_agree_and_never_that_they_do_not() -> None:
    a, b = sp.symbols("a b", real=True)
    with one_context():
        assert _at_numbers([a > 1], [a > 1, b**2 <= a], 10**6).status == "refuted"
        assert _at_numbers([a > 1], [a > 1, b**2 < -a], 10**6).status == "unknown"
        assert _at_numbers([a > 1], [a > 1, a < 0], 10**6).status == "unknown"
        assert _at_numbers([], [a > 1], 10**6).status == "unknown"


def test_a_root_of_what_may_be_negative_is_no_assumption() -> None:
    a = Symbol("a", real=True)
    assert close(Goal("g", (sqrt(a) >= 0,), a >= 0), 10**6).status == "unknown"
    assert close(Goal("g", (a >= 1,), sqrt(a) >= 1), 10**6).status == "proved"


def test_a_denominator_that_may_vanish_is_no_proof() -> None:
    a, b = sp.symbols("a b", real=True)
    assert close(Goal("g", (), sp.Ge(a**2 / a**2 + b / (b + 1), -(10**9), evaluate=False)), 10**6).status == "unknown"
    aim = sp.Eq(a / b - (a + 1) / b, -1 / b, evaluate=False)
    assert reduce(Goal("g", (), aim)).status == "unknown"
    assert reduce(Goal("g", (b > 0,), aim)).status == "proved"


def test_signs_minima_and_absolute_values_are_decided_exactly() -> None:
    a, b = sp.symbols("a b", real=True)
    cases = [
        (sp.Abs(a + b) <= sp.Abs(a) + sp.Abs(b), "proved"),
        (sp.Abs(a + b) < sp.Abs(a) + sp.Abs(b), "refuted"),
        (sp.Min(a, b) + sp.Max(a, b) <= a + b, "proved"),
        (sp.sign(a) * a >= 0, "proved"),
        (sp.sign(a) * a > 0, "refuted"),
        (sp.Piecewise((a, a > b), (b, True)) >= (a + b) / 2, "proved"),
    ]
    assert [close(Goal("g", (), aim), 10**7).status for aim, _ in cases] == [status for _, status in cases]


@rule(dimensions={"eta": STEP_SIZE, "momentum": NUMBER})
def heavy_ball(space, w, v, *, eta, momentum):
    """Polyak's heavy ball."""
    v = momentum * v - eta * space.grad(w)
    return {"w": w + v, "v": v}


MOMENTUM = Symbol("momentum", real=True)


@pytest.mark.parametrize(
    ("critical", "true"), [(2 * (1 + MOMENTUM), True), (2 + MOMENTUM, False), (sp.Integer(2), False)]
)
def test_the_threshold_of_a_users_rule_with_momentum_follows_from_the_jury_conditions(
    critical: sp.Expr, true: bool
) -> None:
    theorem = Theorem(
        "heavy-ball",
        "heavy ball on a quadratic",
        NOTES,
        heavy_ball,
        Quadratic(lam),
        Threshold(Stability((sp.S.Zero,)), eta * lam, critical),
        hypotheses=(MOMENTUM >= 0, MOMENTUM < 1),
    )
    assert proved(theorem) is true


def test_the_jury_margin_of_a_coupled_map_is_negative_exactly_with_a_multiplier_outside_the_circle() -> None:
    claim = Threshold(Stability((sp.S.Zero,)), eta * lam, sp.Integer(2))
    theorem = Theorem("heavy-ball", "", NOTES, heavy_ball, Quadratic(lam), claim, status="quoted")
    margin = stability_margin(sides(theorem, (0,))[0].jacobians[0], None, "heavy ball")
    rng = np.random.default_rng(1)
    for _ in range(200):
        s, m = float(rng.uniform(0, 5)), float(rng.uniform(-1.5, 1.5))
        radius = max(abs(np.linalg.eigvals([[1 - s, m], [-s, m]])))
        if abs(radius - 1) > 1e-6:
            assert (float(margin.subs({eta: s, lam: 1, MOMENTUM: m})) > 0) == (radius < 1)


def test_a_proof_that_ends_with_another_claim_is_refused() -> None:
    theorem = BY_SLUG["usam-sharp-threshold-convex.descent"]
    with pytest.raises(InputError, match="not the claim"):
        goals_of(theorem.with_(claim=Inequality(value(w_next), 2 * value(w))))


def test_an_unknown_fact_is_answered_with_the_known_ones() -> None:
    theorem = BY_SLUG["usam-sharp-threshold-convex.descent"]
    step = Step("descent", theorem.expanded_claim, ("descent lemma: w -> nowhere",))
    with pytest.raises(InputError, match=r"known: .*cocoercivity"):
        goals_of(theorem.with_(proof=(step,)))


def test_a_lemma_that_excludes_starts_needs_them_named() -> None:
    theorem = BY_SLUG["sam-1d-two-cycle.attracts"]
    for starts in (None, AlmostEvery(("w = 0",)), OrbitsAvoiding("zero gradient")):
        with pytest.raises(InputError, match="never meets w = 0"):
            goals_of(theorem.with_(starts=starts))


def test_a_lemma_that_concludes_something_else_is_refused() -> None:
    theorem = BY_SLUG["sam-1d-two-cycle.attracts"]
    with pytest.raises(InputError, match="concludes"):
        goals_of(theorem.with_(claim=Inequality(norm(w_next), norm(w))))
    with pytest.raises(InputError, match="concludes"):
        goals_of(theorem.with_(proof=(AffineLowerRecursion(sp.S.Zero, rho),)))


def test_the_distance_lemma_refuses_a_map_of_several_variables() -> None:
    theorem = BY_SLUG["sam-1d-two-cycle.attracts"]
    extra = {"momentum": NUMBER, "rho": LENGTH}
    for changes in ({"loss": Quadratic(lam, 2 * lam)}, {"rule": heavy_ball, "dimensions": extra}):
        with pytest.raises(InputError, match="one variable"):
            goals_of(theorem.with_(**changes))


def test_a_limit_that_is_not_the_target_is_not_proved() -> None:
    theorem = BY_SLUG["sam-1d-two-cycle.attracts"]
    radius = theorem.expanded_claim.value
    for target, claimed in ((radius, 2 * radius), (2 * radius, 2 * radius), (radius / 2, radius)):
        wrong = theorem.with_(claim=Limit(norm(w), claimed), proof=(DistanceDecreases(target),))
        assert not proved(wrong)


def test_the_balancedness_identity_needs_the_ascent_point() -> None:
    theorem = BY_SLUG["product-balancedness-identity.usam"]
    slope = any_link.function(1)(dot(x, y))
    wrong = theorem.with_(
        claim=Identity(theorem.claim.lhs, (dot(y, y) - dot(x, x)) * (1 - eta**2 * slope**2)), where={}
    )
    assert not proved(wrong)


def test_every_proved_step_is_confirmed_at_exact_rationals_and_a_false_one_is_caught() -> None:
    theorem = BY_SLUG["sc-sam-neighbourhood"]
    assert recheck(theorem, QUICK, np.random.default_rng(0)).agreed > 50
    (lemma,) = theorem.proof
    assert isinstance(lemma, GeometricSum)
    wrong = theorem.with_(proof=(GeometricSum(lemma.factor, lemma.offset / 2, lemma.using),))
    found = recheck(wrong, QUICK, np.random.default_rng(0))
    assert found.against is not None and found.against.confirmed


def test_the_exact_leading_term_agrees_with_long_simulations() -> None:
    from sam_theory import Map, log_cosh, simulate

    theorem = BY_SLUG["gd-usam-stuck-below-threshold.usam"]
    found = exact_leading_term(theorem)
    assert not isinstance(found, str)
    assert found.order == 2
    c = next(s for s in theorem.symbols if s.name == "c")
    numbers = {"eta": 0.1, "rho": 0.2, "Y": 1.7, "c": 1.0}
    errors = []
    for start in (0.1, 0.05, 0.025):
        run = simulate(Map(usam, Product(log_cosh)), [start, 1.7], eta=0.1, rho=0.2, steps=4000)
        lost = 1.7**2 - start**2 - run.final[1] ** 2
        values = {s: numbers.get(s.name, start) for s in theorem.symbols}
        errors.append(abs(lost / float(found.term.subs(values)) - 1))
    assert c in theorem.symbols
    slopes = np.diff(np.log(errors)) / np.diff(np.log([0.1, 0.05, 0.025]))
    assert np.all(np.abs(slopes - 2) < 0.1)


def test_gd_and_usam_are_the_same_map_at_rho_0() -> None:
    claim = Identity(norm(w_next) ** 2, (1 - eta * lam) ** 2 * norm(w) ** 2)
    for one in (gd, usam):
        hypotheses = () if one is gd else (sp.Eq(rho, 0),)
        assert proved(Theorem("same", "", NOTES, one, Quadratic(lam, dimension=None), claim, hypotheses))
    assert not proved(Theorem("same", "", NOTES, usam, Quadratic(lam, dimension=None), claim))


def test_starts_are_said_in_words() -> None:
    assert AlmostEvery(("w = 0",)).text() == "from almost every start (except w = 0)"
