"""SAM on quadratics: moments of any spectrum, the potential, cycles and saddles, checked without the engines."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
import sympy as sp
from sympy import Rational

from sam_theory import Source, SpectralQuadratic, Step, Theorem, alpha, beta, eta, gd, library, norm, verify, w, w_next
from sam_theory.arithmetic import Gram, Span
from sam_theory.engines import budget_of
from sam_theory.engines._prove import PROVERS, prove
from sam_theory.errors import InputError
from sam_theory.theorems import Cycle, Identity, Inequality

F = Fraction
BY_SLUG = {t.slug: t for t in library()}
QUICK = budget_of("quick")
QUADRATICS = [s for s in BY_SLUG if s.startswith(("quad-", "indefinite-"))]


def proved(theorem: Theorem) -> bool:
    evidence = prove(theorem, PROVERS, QUICK, np.random.default_rng(0))
    return bool(evidence) and all(e.established == "proved" for e in evidence)


# -- moments ---------------------------------------------------------------------------------------------------
def rationals(rng: Random, n: int) -> list[F]:
    return [F(rng.randint(-9, 9), rng.randint(1, 5)) for _ in range(n)]


def coordinates(gram: Gram, v: Span, lams: list[F], at: dict[str, list[F]]) -> list[F]:
    """A combination of labels Λᵏa in the eigenbasis."""
    total = [F(0)] * len(lams)
    for label, c in v.terms.items():
        base, k = gram.base(label)
        total = [x + F(int(c.p), int(c.q)) * lam**k * a for x, lam, a in zip(total, lams, at[base], strict=True)]
    return total


def number(gram: Gram, e: sp.Expr, lams: list[F], at: dict[str, list[F]]) -> F:
    """A polynomial in moments at concrete vectors."""
    known = {}
    for a in at:
        for b in at:
            for k in range(9):
                moment = sum((x * lam**k * y for x, lam, y in zip(at[a], lams, at[b], strict=True)), F(0))
                symbol = gram.moment(a, k, b)
                known[symbol] = sp.Rational(moment.numerator, moment.denominator)
    found = sp.expand(e).subs({s**2: v for s, v in ((sp.sqrt(m), v) for m, v in known.items() if m.is_Pow)})
    found = found.subs(known)
    assert found.is_Rational
    return F(int(found.p), int(found.q))


def test_moments_are_the_inner_products_of_every_spectrum() -> None:
    rng, loss = Random(0), SpectralQuadratic(alpha, beta)
    for d in (1, 2, 3, 5):
        gram = Gram()
        a, b = gram.vector("a"), gram.vector("b")
        u = a * 2 + gram.image(b) * Rational(1, 3) - gram.image(gram.image(a))
        v = loss.gradient(gram, u)
        lams, at = rationals(rng, d), {"a": rationals(rng, d), "b": rationals(rng, d)}
        x = coordinates(gram, u, lams, at)
        y = coordinates(gram, v, lams, at)
        assert y == [lam * c for lam, c in zip(lams, x, strict=True)]
        for left, right, exact in ((u, u, (x, x)), (u, v, (x, y)), (v, v, (y, y))):
            product = sum((p * q for p, q in zip(*exact, strict=True)), F(0))
            assert number(gram, gram.dot(left, right), lams, at) == product
        half = sum((lam * c * c for lam, c in zip(lams, x, strict=True)), F(0)) / 2
        assert number(gram, loss.value(gram, u), lams, at) == half


def test_spectral_bounds_hold_on_every_spectrum_and_fail_outside_it() -> None:
    rng, loss = Random(1), SpectralQuadratic(2, 5)
    for d in (1, 2, 4):
        inside = [2 + 3 * F(rng.randint(0, 8), 8) for _ in range(d)]
        for lams, holds in ((inside, True), ([F(6)] * d, False), ([F(1)] * d, False)):
            gram = Gram()
            loss.gradient(gram, gram.vector("a"))
            at = {"a": [F(rng.randint(1, 9)) for _ in range(d)]}
            facts = loss.lemmas(gram)
            assert len(facts) == 5 and {f.points for f in facts} == {("a",)}
            sides = [[number(gram, side, lams, at) for side in (f.relation.lhs, f.relation.rhs)] for f in facts]
            assert all(low <= high for low, high in sides) is holds


def test_a_vanishing_image_vanishes_for_good() -> None:
    gram, loss = Gram((True,)), SpectralQuadratic(2, 5)
    v, u = gram.vector("w"), gram.vector("u")
    assert not gram.unit(loss.gradient(gram, v), 0, "plain").terms
    loss.gradient(gram, u)
    further = gram.image(loss.gradient(gram, v))
    assert list(gram.vanishing()) == ["Λ(w)", "Λ^2(w)"]
    case = {e.lhs for e in gram.case()}
    assert {gram.dot(further, further), gram.dot(further, u), gram.dot(loss.gradient(gram, v), u)} <= case
    assert gram.dot(u, u) not in case and gram.dot(loss.gradient(gram, u), u) not in case


@pytest.mark.parametrize("family", SpectralQuadratic(alpha, beta).families(), ids=lambda f: f.name)
def test_members_have_their_spectrum_between_the_bounds(family) -> None:
    rng = np.random.default_rng(0)
    env = {"alpha": np.full(20, 0.5), "beta": np.full(20, 3.0)}
    assert family.check({**env, **family.draw(rng, 20, env)}, rng) < 1e-9


def test_gradient_descent_on_every_quadratic_contracts_up_to_2_over_beta_and_not_beyond() -> None:
    claim = Inequality(norm(w_next) ** 2, norm(w) ** 2)
    step = Step("claim", claim, ("spectral bounds: w",))
    loss = SpectralQuadratic(alpha, beta)
    theorem = Theorem("t", "", Source("t", "t"), gd, loss, claim, (eta * beta <= 2,), proof=(step,))
    assert proved(theorem)
    assert not proved(theorem.with_(hypotheses=(eta * beta <= Rational(21, 10),)))
    assert not proved(theorem.with_(proof=(Step("claim", claim),)))


def test_the_spectral_interval_holds_of_every_spectrum_and_says_more_than_the_bounds() -> None:
    rng = Random(5)
    gram, loss = Gram(), SpectralQuadratic(alpha, beta)
    loss.gradient(gram, gram.vector("w"))
    fact = next(f for f in loss.lemmas(gram) if f.name == "spectral interval")
    assert fact.points == ("w",)
    names = {str(s): s for s in fact.relation.free_symbols}

    def holds(low: F, high: F, moments: list[F]) -> bool:
        square, form, image = moments
        numbers = {"alpha": low, "beta": high, "<w,Λ(w)>": form}
        e = fact.relation.rhs - fact.relation.lhs
        e = e.subs({names["|w|"] ** 2: sp.Rational(square), names["|Λ(w)|"] ** 2: sp.Rational(image)})
        return bool(e.subs({names[n]: sp.Rational(v) for n, v in numbers.items()}) >= 0)

    for _ in range(100):
        low, high = sorted(F(rng.randint(1, 20), rng.randint(1, 9)) for _ in range(2))
        lams = [low + (high - low) * F(rng.randint(0, 8), 8) for _ in range(rng.randint(1, 4))]
        v = [F(rng.randint(-9, 9), rng.randint(1, 9)) for _ in lams]
        moments = [sum((lam**k * c**2 for lam, c in zip(lams, v, strict=True)), F(0)) for k in range(3)]
        assert holds(low, high, moments)
    assert not holds(F(1), F(2), [F(1), F(3, 2), F(3)]), "these moments satisfy the spectral bounds"
    beyond = [sum((lam**k for lam in (F(1, 2), F(3))), F(0)) for k in range(3)]
    assert not holds(F(1), F(2), beyond), "a spectrum outside of [α, β]"


def test_the_angle_of_stablesam_needs_the_spectral_interval_and_its_constant() -> None:
    """Kantorovich: from the spectral bounds alone, or with a larger constant, nothing is proved."""
    angle = next(x for x in library() if x.slug == "stablesam-quadratic.angle")
    descent = next(x for x in library() if x.slug == "stablesam-quadratic.descent")
    assert proved(angle) and proved(descent)
    interval, *between, last = angle.proof
    weaker = Step(interval.name, interval.claim, ("spectral bounds",))
    assert not proved(angle.with_(proof=(weaker, *between, last)))
    assert not proved(angle.with_(proof=(Step("angle", last.claim, ("spectral bounds",)),)))
    using = tuple(name for name in last.using if name != "weighted interval")
    assert not proved(angle.with_(proof=(interval, *between, Step("angle", last.claim, using))))
    sharper = Inequality(F(101, 100) * last.claim.lhs, last.claim.rhs, given=last.claim.given)
    assert not proved(angle.with_(claim=sharper, proof=(interval, *between, Step("angle", sharper, last.using))))
    faster = Inequality(interval.claim.lhs, interval.claim.rhs * Rational(99, 100))
    assert not proved(angle.with_(proof=(Step("interval", faster, ("spectral interval",)), *between, last)))


# -- the potential ---------------------------------------------------------------------------------------------
def sam_map(x: list[F], lams: list[F], e: F, r: F, length: F) -> list[F]:
    """One step where ‖Λx‖ = length."""
    return [c - e * lam * (c + r * lam * c / length) for c, lam in zip(x, lams, strict=True)]


def test_the_potential_has_the_gradient_w_plus_w_next() -> None:
    x, lams, e, r = sp.symbols("x:3", real=True), sp.symbols("l:3", positive=True), *sp.symbols("e r", positive=True)
    length = sp.sqrt(sum((lam * c) ** 2 for lam, c in zip(lams, x, strict=True)))
    potential = sum((1 - e * lam / 2) * c**2 for lam, c in zip(lams, x, strict=True)) - e * r * length
    for c, lam in zip(x, lams, strict=True):
        after = c - e * lam * (c + r * lam * c / length)
        assert sp.simplify(sp.diff(potential, c) - c - after) == 0


def test_the_potential_descends_at_exact_rationals_of_any_spectrum() -> None:
    rng = Random(2)
    for _ in range(200):
        g = rng.choice([[3, 4], [-5, 12], [1, 2, 2], [2, -3, 6], [1, 1, 1, 1], [0, 4, 3]])
        scale = F(rng.randint(1, 9), rng.randint(1, 9))
        g = [scale * c for c in g]
        length = scale * int(np.sqrt(sum(int(c / scale) ** 2 for c in g)))
        lams = [F(rng.randint(1, 20), rng.randint(1, 5)) for _ in g]
        e, r = F(rng.randint(1, 20), 8), F(rng.randint(0, 20), 8)
        x = [c / lam for c, lam in zip(g, lams, strict=True)]
        y = sam_map(x, lams, e, r, length)
        after = [lam * c for c, lam in zip(y, lams, strict=True)]
        # J(w) − J(w⁺) − ηL(w+w⁺) = ηρ(‖g⁺‖ + ⟨g,g⁺⟩/‖g‖): everything but ‖g⁺‖ is rational
        plain = [sum((1 - e * lam / 2) * c * c for c, lam in zip(v, lams, strict=True)) for v in (x, y)]
        loss = sum(lam * (a + b) ** 2 for a, b, lam in zip(x, y, lams, strict=True)) / 2
        cosine = sum(a * b for a, b in zip(g, after, strict=True)) / length
        assert plain[0] - e * r * length - plain[1] - e * loss == e * r * cosine
        assert cosine >= 0 or sum(c * c for c in after) >= cosine**2


def test_the_descent_needs_cauchy_schwarz_and_its_constant() -> None:
    theorem = BY_SLUG["quad-global-lyapunov.descent"]
    identity, angle, last = theorem.proof
    assert proved(theorem)
    assert not proved(theorem.with_(proof=(identity, Step(angle.name, angle.claim), last)))
    assert not proved(theorem.with_(proof=(identity, Step(last.name, last.claim, ("identity",)))))


def test_an_identity_that_holds_only_off_the_minimum_says_so() -> None:
    theorem = BY_SLUG["quad-global-lyapunov.identity"]
    assert "whenever" in theorem.text() and "whenever" in theorem.latex()
    claim = theorem.claim
    assert isinstance(claim, Identity) and claim.given
    assert not proved(theorem.with_(claim=Identity(claim.lhs, claim.rhs + norm(w) ** 2, claim.given), mutants=()))


# -- cycles ------------------------------------------------------------------------------------------------------
def test_sam_has_its_cycles_at_every_eigenvector_exactly() -> None:
    rng = Random(3)
    for _ in range(50):
        lams = [F(rng.randint(1, 9), 3) for _ in range(4)]
        e, r = F(rng.randint(1, 9), 20), F(rng.randint(1, 9), 4)
        for i, lam in enumerate(lams):
            if e * lam < 2:
                x = [F(0)] * 4
                x[i] = e * lam * r / (2 - e * lam)
                assert sam_map(x, lams, e, r, lam * x[i]) == [-c for c in x]


@pytest.mark.parametrize(
    ("slug", "changes"),
    [
        ("quad-two-cycle.cycle", {"hypotheses": ()}),
        ("quad-cycle-jacobian.others", {"hypotheses": BY_SLUG["quad-cycle-jacobian.step"].hypotheses}),
        ("indefinite-saddle-trap-sam.small-steps", {"hypotheses": BY_SLUG["quad-cycle-jacobian.step"].hypotheses}),
    ],
)
def test_the_hypotheses_of_the_cycles_are_needed(slug, changes) -> None:
    assert proved(BY_SLUG[slug])
    assert not proved(BY_SLUG[slug].with_(**changes))


def test_a_cycle_is_stable_only_if_all_of_its_multipliers_are_unstable_if_one_is() -> None:
    others = BY_SLUG["quad-cycle-jacobian.others"]
    claim = others.claim
    assert isinstance(claim, Cycle)
    assert proved(others.with_(claim=Cycle(claim.points, stable=False)))
    assert not proved(others.with_(claim=Cycle(claim.points, stable=True)))
    assert not proved(others.with_(claim=Cycle(claim.points, claim.multipliers[1:], stable=True)))


def test_the_false_stability_of_every_cycle_falls_to_the_multiplier_minus_6() -> None:
    witness = verify(BY_SLUG["sam-cycle-any-eigenvector"], budget="quick").witness
    assert witness is not None and witness.confirmed_by == "fraction"
    p = {k: F(v) for k, v in witness.params.items()}
    radius = p["eta"] * p["lam_j"] * p["rho"] / (2 - p["eta"] * p["lam_j"])
    assert tuple(map(F, witness.start)) == (0, radius) and radius == p["rho"] / 3
    multiplier = 1 - p["eta"] * p["lam"] - (2 - p["eta"] * p["lam_j"]) * (p["lam"] / p["lam_j"]) ** 2
    assert multiplier == -6 and F(witness.observed) == 36
    assert "'-6'" in witness.extra["derivative of one step"]


def orbit(lams: np.ndarray, start: np.ndarray, e: float, r: float, steps: int) -> np.ndarray:
    x = start.copy()
    for _ in range(steps):
        g = lams * x
        x = x - e * lams * (x + r * g / np.linalg.norm(g))
    return x


@pytest.mark.parametrize("r", [0.01, 3.0])
@pytest.mark.parametrize(
    ("m", "e", "trapped"),
    [(0.5, 0.3, True), (0.5, 1.0, False), (0.1, 0.25, False), (1.5, 0.3, False), (1.05, 0.5, True)],
)
def test_sam_stays_at_a_saddle_exactly_in_the_window_whatever_rho(m: float, e: float, trapped: bool, r: float) -> None:
    lams = np.array([1.0, -m])
    radius = e * r / (2 - e)
    inside = e / (2 - e) < m and m**2 / (2 + e * m) < 1 / (2 - e)
    assert inside is trapped
    x = orbit(lams, np.array([radius, 1e-6 * radius]), e, r, 400)
    assert bool(abs(x[1]) < 1e-7 * radius) is trapped


@pytest.mark.parametrize("slug", QUADRATICS)
def test_every_statement_on_quadratics_is_as_expected(slug: str) -> None:
    assert verify(BY_SLUG[slug], budget="quick").as_expected


def test_abstract_quadratics_refuse_coordinates() -> None:
    theorem = BY_SLUG["quad-global-lyapunov.step"]
    with pytest.raises(InputError, match="no coordinates"):
        proved(theorem.with_(claim=BY_SLUG["usam-sharp-threshold-convex.neutral"].claim, mutants=()))
