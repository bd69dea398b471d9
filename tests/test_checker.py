"""The checker on its own: what it imports, what it computes, and that false statements are not proved."""

from __future__ import annotations

import ast
import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy as sp

import sam_theory.arithmetic as arithmetic
from sam_theory import checker
from sam_theory.checker import NotChecked, Rejected, check_text, close, dumps, goals_of, smt_status
from sam_theory.checker._goals import Goal, Statement, coordinate_scene, inputs_of, label_scene, relate
from sam_theory.checker._loss import derivative
from sam_theory.checker._polynomials import Flat, Quotient, primitive, product, total, vanishes
from sam_theory.checker._replay import holds, script, solution
from sam_theory.checker._space import Fork, Vector
from sam_theory.engines import verify
from sam_theory.engines._certificates import certificate_of
from sam_theory.engines._certificates._proof import _Writer, proof_body
from sam_theory.losses import Expression, Quadratic, StronglyConvex
from sam_theory.rules import gd, sam, usam
from sam_theory.theorems import (
    AtPoint,
    Cycle,
    Identity,
    Inequality,
    Source,
    Stability,
    Step,
    Theorem,
    Threshold,
    coordinate,
    eta,
    lam,
    library,
    norm,
    rho,
    value,
    w,
    w_next,
)

x, y = sp.symbols("x y", real=True)
BY_SLUG = {t.slug: t for t in library()}


# -- independence ----------------------------------------------------------------------------------------------------
def test_the_checker_imports_neither_arithmetic_nor_engines() -> None:
    for path in Path(checker.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert not name.startswith(("sam_theory.arithmetic", "sam_theory.engines", "sam_theory.dynamics")), path
            assert not (isinstance(node, ast.ImportFrom) and node.level), path


SLUGS = (
    "usam-sharp-threshold-convex.threshold", "sc-sam-limsup-improved.one-step", "product-balancedness-identity.sam",
    "quad-global-lyapunov.identity", "sam-descends", "sc-sam-limsup-s2-over-2-every-d",
)  # fmt: skip


def test_certificates_are_checked_without_any_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = {}
    for slug in SLUGS:
        document = certificate_of(BY_SLUG[slug], verify(BY_SLUG[slug], budget="quick"))
        assert document is not None
        documents[slug] = dumps(document)

    def poisoned(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the checker used what it must not")

    for name in ("Gram", "Rational", "Ball", "Symbolic", "Smt", "Float64", "Jets", "Span", "Flatten"):
        monkeypatch.setattr(getattr(arithmetic, name), "__init__", poisoned)
    monkeypatch.setattr(arithmetic.Arithmetic, "run", poisoned)
    for name in ("lower", "lower_all"):
        monkeypatch.setattr(arithmetic, name, poisoned)
    import sam_theory.engines._denominators as denominators
    import sam_theory.engines._flatten as flatten
    import sam_theory.engines._goals as goals
    import sam_theory.engines._smt as smt

    monkeypatch.setattr(flatten.Flattening, "__call__", poisoned)
    for module in (smt, denominators):
        monkeypatch.setattr(module, "solve", poisoned)
    monkeypatch.setattr(goals, "goals_of", poisoned)
    with pytest.raises(AssertionError):
        arithmetic.Rational()
    for slug, text in documents.items():
        assert check_text(text, library()).status == "verified", slug


# -- scenes ----------------------------------------------------------------------------------------------------------
def theorem(claim: Any, rule: Any = usam, loss: Any = None, **more: Any) -> Theorem:
    return Theorem("own.test", "a test", Source("own", "here"), rule, loss or Quadratic(lam), claim, **more)


@pytest.mark.parametrize(
    ("rule", "loss"),
    [
        (usam, Quadratic(1, 4)), (gd, Expression("x**4 + x*y**2")), (sam, Quadratic(3)),
        (usam, Quadratic(matrix=[[2, 1], [1, 3]])),
    ],
)  # fmt: skip
def test_a_step_in_coordinates_is_that_of_the_rational_arithmetic(rule: Any, loss: Any) -> None:
    one = theorem(Inequality(value(w_next), value(w)), rule, loss, status="quoted")
    values = {s.name: sp.Rational(1, 3 + i) for i, s in enumerate(one.symbols)}
    at = [sp.Rational(2, 7), sp.Rational(-3, 5)][: loss.dimension]
    found = coordinate_scene(one, values, at)
    exact = {n: Fraction(int(v.p), int(v.q)) for n, v in values.items()}
    place = arithmetic.Coordinates(Fraction(int(c.p), int(c.q)) for c in at)
    wanted = one.map.step(arithmetic.Rational(), {"w": place}, exact)["w"]
    assert [Fraction(int(c.p), int(c.q)) for c in found.space.entries(found.vectors["w_next"])] == list(wanted)
    there = loss.value(arithmetic.Rational(), wanted, exact)
    assert found(value(w_next)) == sp.Rational(there.numerator, there.denominator)


def test_inner_products_of_labels_are_those_of_an_instance() -> None:
    one = BY_SLUG["sc-sam-limsup-improved.one-step"]
    values, _ = next(inputs_of(one))
    scene = label_scene(one, values, {frozenset({((0, "g(w)", 0), sp.S.One)}): "nonzero"})
    e = scene(norm(w_next) ** 2)
    # on ½βw² with β = 2, w = 3, η = 1/4, ρ = 1: g = 6, the ascent point 4 has the gradient 8
    numbers = {"|w|": 3, "|g(p1)|": 8, "<g(p1),w>": 24, "eta": sp.Rational(1, 4)}
    assert e.subs({s: numbers[s.name] for s in e.free_symbols if s.name in numbers}) == 1


def test_a_vector_that_is_normalised_is_a_case_of_its_own() -> None:
    one = BY_SLUG["sc-sam-limsup-improved.one-step"]
    with pytest.raises(Fork) as fork:
        label_scene(one, next(inputs_of(one))[0], {})
    assert set(fork.value.choices) == {"zero", "nonzero"}


# -- polynomials -----------------------------------------------------------------------------------------------------
def test_quotients_agree_with_sympy_at_numbers() -> None:
    e = (x + y) ** 3 / (x - 2 * y) - x / (y**2 + 1) + 1 / (1 / x + 1 / y)
    q = Flat({})(e)
    at = {"x": Fraction(5), "y": Fraction(3, 7)}

    def number(p: Any) -> Fraction:
        result = Fraction(0)
        for m, c in p.items():
            for name, k in m:
                c *= at[name] ** k
            result += c
        return result

    found = number(q.numerator)
    for atom, k in q.below.items():
        found /= number(dict(atom)) ** k
    assert sp.Rational(found.numerator, found.denominator) == e.subs({x: 5, y: sp.Rational(3, 7)})


def test_decisions_are_asked_for_and_kept() -> None:
    with pytest.raises(Fork) as fork:
        Flat({})(sp.Abs(x - y))
    sides = [Flat({fork.value.key: c}) for c in fork.value.choices]
    above, below = (flat(sp.Abs(x - y)).numerator for flat in sides)
    assert not total(above, below)  # y − x and x − y: one is the negative of the other
    for flat, p in zip(sides, (above, below), strict=True):
        ((op, q),) = flat.decided()
        assert op in (">", ">=") and q.numerator == p  # each says that the value it chose is not negative


def test_zero_is_recognised_only_where_it_is_zero() -> None:
    assert vanishes((x + y) ** 2 - x**2 - 2 * x * y - y**2) and vanishes(x / y - x / y)
    assert not vanishes(x - y) and not vanishes(sp.Abs(x) - x) and not vanishes(sp.sqrt(x**2 + 1) - 1)


def test_polynomial_operations() -> None:
    p = {(("x", 1),): Fraction(2), (): Fraction(-4)}
    assert product(p, p)[(("x", 2),)] == 4 and total(p, {(): Fraction(4)}) == {(("x", 1),): Fraction(2)}
    assert primitive(p) == {(("x", 1),): Fraction(1), (): Fraction(-2)}
    with pytest.raises(NotChecked):
        Quotient({}).inverse()


# -- what is proved and what is not ----------------------------------------------------------------------------------
TRUE = [
    ("x >= 0 gives x**2 + x >= 0", relate(sp.S.Zero, "<=", x**2 + x), [relate(x, ">=", sp.S.Zero)]),
    ("|x| is at least x", relate(x, "<=", sp.Abs(x)), []),
    ("the maximum", relate(sp.Max(x, y), ">=", y), []),
    ("a root", relate(sp.sqrt(x), ">=", sp.S.Zero), [relate(x, ">", sp.S.Zero)]),
    ("a sign", relate(sp.sign(x) * x, "==", sp.Abs(x)), []),
    ("a quotient", relate(1 / x, ">", sp.S.Zero), [relate(x, ">", sp.S.Zero)]),
]
FALSE = [
    ("x <= 0", relate(x, "<=", sp.S.Zero), [relate(x, ">=", sp.S.Zero)]),
    ("|x| is x", relate(x, "==", sp.Abs(x)), []),
    ("a denominator that may vanish", relate(x / x**3, ">=", sp.S.Zero), [relate(x, ">=", sp.S.Zero)]),
    ("a root of what may be negative", relate(sp.sqrt(x), ">=", sp.S.Zero), []),
    ("the root says nothing of its radicand", relate(x, ">=", sp.S.Zero), [relate(sp.sqrt(x), ">=", sp.S.Zero)]),
    ("a hidden denominator", relate(sp.sign(1 / x), "<=", sp.S.One), []),
    ("a strict inequality", relate(x**2, ">", sp.S.Zero), []),
]


@pytest.mark.parametrize(("name", "aim", "known"), TRUE)
def test_true_goals_are_closed(name: str, aim: Any, known: Any) -> None:
    assert close(Goal(name, lambda _: Statement(aim, known)), _Writer()) >= 1


@pytest.mark.parametrize(("name", "aim", "known"), FALSE)
def test_false_goals_stay_open(name: str, aim: Any, known: Any) -> None:
    with pytest.raises((Rejected, NotChecked)):
        close(Goal(name, lambda _: Statement(aim, known)), _Writer())


def test_a_clause_is_used_only_where_its_condition_holds() -> None:
    clause = ([relate(x, ">", sp.S.Zero)], relate(y, ">", sp.S.Zero))
    with pytest.raises(Rejected):
        close(Goal("y > 0", lambda _: Statement(relate(y, ">", sp.S.Zero), [], [clause])), _Writer())
    close(
        Goal("y > 0", lambda _: Statement(relate(y, ">", sp.S.Zero), [relate(x, ">", sp.S.One)], [clause])), _Writer()
    )


def test_the_last_step_must_be_the_claim() -> None:
    right = Identity(coordinate(w_next), (1 - eta * lam * (1 + rho * lam)) * coordinate(w))
    wrong = Identity(coordinate(w_next), coordinate(w))
    assert proof_body(theorem(right))
    with pytest.raises(Rejected, match="not the claim"):
        proof_body(theorem(wrong, proof=(Step("claim", right),)))
    with pytest.raises(Rejected):
        proof_body(theorem(wrong))


def test_a_claim_over_a_class_needs_the_facts_it_rests_on() -> None:
    alpha, beta = sp.symbols("alpha beta", positive=True)
    claim = Inequality(value(w_next), value(w))
    more: dict[str, Any] = {"rule": gd, "loss": StronglyConvex(alpha, beta), "hypotheses": (eta * beta <= 1,)}
    fact = "descent lemma: w -> w_next"
    assert proof_body(theorem(claim, proof=(Step("descent", claim, (fact,)),), **more))
    with pytest.raises(Rejected, match="stays open"):
        proof_body(theorem(claim, proof=(Step("descent", claim),), **more))
    with pytest.raises(Rejected, match="no fact"):
        goals = goals_of(theorem(claim, proof=(Step("descent", claim, ("ascent lemma: w -> w_next",)),), **more))
        close(goals[0], _Writer())


def test_contradictory_hypotheses_prove_nothing() -> None:
    claim = Inequality(norm(w_next), -norm(w), strict=True)
    one = theorem(claim, hypotheses=(eta * lam > 1, eta * lam < 1))
    document = checker.certificate(one, "proved", "proof", proof_body(one))
    assert check_text(dumps(document), (one,)).status != "verified"


def test_what_sympy_cancels_must_not_vanish() -> None:
    radius = eta * lam * rho / (2 - eta * lam)
    other_curvature = sp.Symbol("mu", positive=True)
    claim = Cycle(((radius, sp.S.Zero), (-radius, sp.S.Zero)))
    more: dict[str, Any] = {"rule": sam, "loss": Quadratic(lam, other_curvature)}
    assert proof_body(theorem(claim, hypotheses=(eta * lam < 2, rho > 0), **more))
    with pytest.raises(Rejected):  # at rho = 0 the point is the origin, and nothing is normalised there
        proof_body(theorem(claim, hypotheses=(eta * lam < 2,), **more))


def test_points_of_thresholds_must_be_fixed() -> None:
    one = BY_SLUG["usam-sharp-threshold-convex.threshold"]
    claim: Any = one.claim
    moved = one.with_(claim=Threshold(Stability((rho,)), claim.quantity, claim.critical), status="quoted")
    with pytest.raises(Rejected):
        proof_body(moved)


def test_claims_at_points_need_coordinates() -> None:
    one = BY_SLUG["sc-sam-limsup-improved.one-step"]
    claim = AtPoint(value(w), value(w), (sp.S.One,))
    with pytest.raises(Rejected, match="coordinates"):
        wrong = one.with_(claim=claim, proof=(Step("claim", claim),), where={})
        for goal in goals_of(wrong):
            close(goal, _Writer())


# -- z3 and its replays ----------------------------------------------------------------------------------------------
def test_the_printer_says_what_the_relations_say() -> None:
    circle = [{"op": ">", "poly": [["1", {}], ["-1", {"a": 2}], ["-1", {"b": 2}]]}]
    far = {"op": ">=", "poly": [["-3/2", {}], ["1", {"a": 1}]]}
    assert smt_status(circle)[0] == "sat" and smt_status([*circle, far])[0] == "unsat"
    assert smt_status([{"op": "!=", "poly": []}])[0] == "unsat" and smt_status([{"op": "==", "poly": []}])[0] == "sat"
    assert "(/ 3 2)" in script([far]) and script([far]).count("assert") == 1


def test_solutions_are_verified_in_fractions() -> None:
    system = [{"op": "==", "poly": [["1", {"a": 2}], ["-9/16", {}]]}, {"op": ">", "poly": [["1", {"a": 1}]]}]
    found = solution(system)
    assert found is not None and holds(system, found) and found["a"] == Fraction(3, 4)
    assert solution([{"op": "==", "poly": [["1", {"a": 2}], ["-2", {}]]}]) is None  # √2 is no rational


# -- vectors ---------------------------------------------------------------------------------------------------------
def test_vectors_form_a_vector_space() -> None:
    u, v = Vector({0: sp.S.One, 1: x}), Vector({1: -x})
    assert (u + v).terms == {0: sp.S.One} and (u - u).terms == {} and (2 * u / 2).key == u.key
    for a, b in itertools.product((u, v), repeat=2):
        assert (a + b).key == (b + a).key


# -- kinks inside kinks ----------------------------------------------------------------------------------------------
def test_kinks_inside_kinks_are_differentiated_where_no_argument_vanishes() -> None:
    """The proof of two-slopes is followed; of false multipliers, and at a kink, nothing is shown."""
    true = BY_SLUG["sc-1d-exact-worst-case.two-slopes"]
    assert proof_body(true)["counts"]["trees"] and not proof_body(true)["counts"]["replay"]
    wrong = true.with_(claim=replace(true.claim, multipliers=(2 * true.claim.multipliers[0],)))
    with pytest.raises(Rejected):
        proof_body(wrong)
    at_the_kink = Threshold(Stability((sp.S.Zero,)), eta, 1 / sp.Symbol("mu", positive=True))
    with pytest.raises(Rejected):
        proof_body(true.with_(slug="x", claim=at_the_kink, hypotheses=(), tightness="", status="quoted"))
    nested = sp.Abs(x - 2 + sp.sign(x))
    assert derivative(nested, x, nested=True).subs(x, 3) == 1 and derivative(nested, x, nested=True).subs(x, -3) == -1
    with pytest.raises(Rejected, match="kink inside a kink"):
        derivative(nested, x)
