"""Worst cases: reference values, exact certificates, data beyond a bound, and what must be refused."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import sympy as sp

from sam_theory import (
    ConvexSmooth,
    InputError,
    Map,
    PolyakLojasiewicz,
    Rule,
    StronglyConvex,
    alpha,
    beta,
    gd,
    rule,
    sam,
    usam,
    verify,
    worst_case,
)
from sam_theory.checker._dual import Rejected, verify_dual
from sam_theory.engines import ENGINES
from sam_theory.engines._monomials import linearly_contradictory
from sam_theory.engines._worst_case import _round, _solve
from sam_theory.engines._worst_case._exact import is_psd, solve_near
from sam_theory.engines._worst_case._problem import build
from sam_theory.theorems import library
from sam_theory.verdicts import Verdict

LIBRARY = {t.slug: t for t in library()}
CLASS = StronglyConvex(sp.Rational(1, 10), 1)
TENTH = Fraction(1, 10)


def quadratic(eta: Fraction, rho: Fraction, low: Fraction = TENTH, high: Fraction = Fraction(1)) -> Fraction:
    """The worse of the two extreme quadratics."""
    return max((1 - eta * lam * (1 + rho * lam)) ** 2 for lam in (low, high))


# -- reference values --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("metric", ["gap", "distance"])
@pytest.mark.parametrize(
    ("rho", "reference"),
    [("1/10", "808201/1000000"), ("3/10", "804609/1000000"), ("1/2", "801025/1000000"), ("1", "1")],
)
def test_reference_values_are_certified_exactly(metric: str, rho: str, reference: str) -> None:
    found = worst_case(usam, CLASS, {"eta": 1, "rho": rho}, metric=metric)
    assert found.certified == Fraction(reference) and found.verdict == "certified"
    assert found.excess is not None and abs(found.excess) < 1e-8 and "certified" in found.text()


@pytest.mark.parametrize("rho", [Fraction(0), Fraction(1, 4), Fraction(3, 2), Fraction(3)])
@pytest.mark.parametrize("eta", [Fraction(1, 4), Fraction(7, 10), Fraction(2)])
def test_worst_excess_loss_is_that_of_a_quadratic(rho: Fraction, eta: Fraction) -> None:
    found = worst_case(usam, CLASS, {"eta": eta, "rho": rho})
    assert found.certified == quadratic(eta, rho)
    assert verify_dual(json.loads(json.dumps(found.certificate))) == found.certified


@pytest.mark.parametrize(
    ("rho", "excess"), [("11/10", 0.0), ("6/5", 0.0012), ("3/2", 0.0174), ("2", 0.0625), ("3", 0.1563)]
)
def test_worst_distance_exceeds_the_quadratic_where_rho_times_the_width_is_above_1(rho: str, excess: float) -> None:
    r = Fraction(rho)
    eta = 2 / (TENTH * (1 + r * TENTH) + 1 + r)
    found = worst_case(usam, CLASS, {"eta": eta, "rho": r}, metric="distance")
    assert found.value is not None
    assert found.value / float(quadratic(eta, r)) - 1 == pytest.approx(excess, abs=6e-5)
    data = found.data(quadratic(eta, r))
    assert (data is None) == (excess == 0.0)


def test_a_step_may_expand_although_the_quadratic_rate_is_below_1() -> None:
    numbers = {"alpha": "39/500", "beta": 1, "eta": "639/1000", "rho": "527/250"}
    found = worst_case(usam, StronglyConvex(alpha, beta), numbers, metric="distance")
    assert found.value == pytest.approx(1.0017, abs=5e-5)
    assert found.data(1) is not None


def test_gradient_descent_over_several_steps() -> None:
    assert worst_case(gd, CLASS, {"eta": 1}, steps=2).certified == Fraction(81, 100) ** 2
    smooth = worst_case(gd, ConvexSmooth(1), {"eta": 1}, initial="distance", steps=2)
    assert smooth.certified == Fraction(1, 10)  # 1/(4N+2): Drori and Teboulle


def test_sam_at_a_fixed_gradient_norm() -> None:
    found = worst_case(Map(sam, CLASS), parameters={"eta": 1, "rho": 1}, gradient_norm="1/2", level=1)
    assert found.certified == Fraction(108, 125)
    assert verify_dual(found.certificate or {}) == found.certified
    empty = worst_case(sam, CLASS, {"eta": 1, "rho": 1}, gradient_norm=3, level=1)  # ‖g‖² ≤ 2β(L−L*) excludes it
    assert empty.value is None and empty.certified is None and empty.verdict == "undecided"


def test_a_bound_that_is_too_small_is_not_certified() -> None:
    low = quadratic(Fraction(1), TENTH) - Fraction(1, 10**6)
    found = worst_case(usam, CLASS, {"eta": 1, "rho": TENTH}, bound=low)
    assert found.value is not None and found.certified is None and found.verdict == "supported"
    assert "no rounding" in found.text() and found.certificate is None


# -- the independent check ---------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def certificate() -> dict[str, Any]:
    found = worst_case(usam, CLASS, {"eta": "1/2", "rho": "1/2"}).certificate
    assert found is not None
    return found


def changed(value: str) -> str:
    return str(Fraction(value) + Fraction(1, 10**9))


def numbers_of(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every number of a certificate."""
    if isinstance(data, dict):
        return [p for k, v in data.items() for p in numbers_of(v, (*path, k))]
    if isinstance(data, list):
        return [p for i, v in enumerate(data) for p in numbers_of(v, (*path, i))]
    try:
        Fraction(data)
    except (ValueError, TypeError):
        return []
    return [path]


def test_every_tampered_number_is_rejected(certificate: dict[str, Any]) -> None:
    paths = [p for p in numbers_of(certificate) if p not in (("schema",), ("steps",))]
    assert len(paths) > 20
    for path in paths:
        copy = json.loads(json.dumps(certificate))
        place = copy
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = changed(place[path[-1]])
        with pytest.raises(Rejected):
            verify_dual(copy)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("rule", "gd"), ("rule", "unknown"), ("class", "ConvexSmooth"), ("class", "Nothing"), ("steps", 2),
        ("steps", 0), ("initial", "distance"), ("final", "distance"), ("final", "loss"), ("schema", 2),
        ("kind", "dual"),
        ("gradient_norm", "1"), ("mu", "0"), ("multipliers", []), ("labels", ["w"]), ("matrix", []), ("tau", 0.8),
        ("constants", {"alpha": "0", "beta": "1"}), ("level", "0"),
    ],
)  # fmt: skip
def test_every_other_change_is_rejected(certificate: dict[str, Any], key: str, value: Any) -> None:
    with pytest.raises(Rejected):
        verify_dual({**certificate, key: value})
    with pytest.raises(Rejected, match="wrong entries"):
        verify_dual({**certificate, "more": 1})


def test_a_negative_multiplier_is_rejected(certificate: dict[str, Any]) -> None:
    copy = json.loads(json.dumps(certificate))
    copy["multipliers"][0]["value"] = "-" + copy["multipliers"][0]["value"]
    with pytest.raises(Rejected, match="negative"):
        verify_dual(copy)


# -- exact linear algebra ----------------------------------------------------------------------------------------
def test_semidefiniteness_is_decided_exactly() -> None:
    one, zero = Fraction(1), Fraction(0)
    assert is_psd([[one, one], [one, one]]) and is_psd([[zero, zero], [zero, one]])
    assert not is_psd([[zero, one], [one, one]]) and not is_psd([[one, one], [one, one - Fraction(1, 10**30)]])
    assert not is_psd([[one, zero, zero], [zero, zero, zero], [zero, zero, -one]])


def test_rounding_stays_on_the_equations() -> None:
    rows = [[Fraction(1), Fraction(1), Fraction(1)], [Fraction(1), Fraction(-1), Fraction(0)]]
    y = solve_near(rows, [Fraction(1), Fraction(1, 3)], [0.5001, 0.1667, 0.3333], 2)
    assert y is not None and sum(y) == 1 and y[0] - y[1] == Fraction(1, 3)
    assert solve_near([*rows, rows[0]], [Fraction(1), Fraction(1, 3), Fraction(2)], [0.5, 0.2, 0.3], 2) is None


def test_the_interior_rounding_succeeds_without_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = build(usam, CLASS, {"eta": 1, "rho": "3/10"}, initial="gap", final="gap")
    dual = _solve.dual_of(problem)
    solved = _solve.minimise(dual)
    monkeypatch.setattr(_round, "_exact", lambda *arguments: None)
    found = _round.round_dual(dual, solved)
    assert found is not None and "interior" in found.how and _round.holds(dual, list(found.y))
    assert 0 < float(found.bound) - solved.value < 1e-5


def test_contradictions_linear_in_the_monomials() -> None:
    x, y = sp.symbols("x y", real=True)
    square = sp.GreaterThan(x**2 * y - 1, 0, evaluate=False)
    assert linearly_contradictory([square, sp.StrictLessThan(2 * x**2 * y, 2, evaluate=False)], 10**6)
    assert not linearly_contradictory([square, sp.StrictLessThan(x**2, 0, evaluate=False)], 10**6)
    premise = sp.GreaterThan(y, 0, evaluate=False)
    implied = sp.Implies(premise, square, evaluate=False)
    small = sp.StrictLessThan(x**2 * y, 1, evaluate=False)
    assert linearly_contradictory([premise, implied, small], 10**6) and not linearly_contradictory(
        [implied, small], 10**6
    )


# -- what is refused ---------------------------------------------------------------------------------------------
@rule
def clipped(space: Any, w: Any, *, eta: Any) -> Any:
    """Gradient descent with a norm in the step."""
    return w - eta * space.norm(w) * space.grad(w)


@pytest.mark.parametrize(
    ("method", "cls", "parameters", "more", "problem"),
    [
        (usam, CLASS, {"eta": 1}, {}, "no value for 'rho'"),
        (usam, CLASS, {"eta": 0.5, "rho": 1}, {}, "float"),
        (usam, CLASS, {"eta": "x", "rho": 1}, {}, "not a rational"),
        (sam, CLASS, {"eta": 1, "rho": 1}, {}, "fix its norm"),
        (sam, CLASS, {"eta": 1, "rho": 1}, {"gradient_norm": 0}, "positive"),
        (usam, CLASS, {"eta": 1, "rho": 1}, {"gradient_norm": 1}, "normalises nothing"),
        (usam, CLASS, {"eta": 1, "rho": 1}, {"metric": "los"}, "unknown metric"),
        (usam, CLASS, {"eta": 1, "rho": 1}, {"steps": 0}, "at least one"),
        (clipped, CLASS, {"eta": 1}, {}, "linear"),
        (gd, PolyakLojasiewicz(sp.Rational(1, 10), 1), {"eta": 1}, {}, "no interpolation conditions"),
        (gd, StronglyConvex(sp.Rational(1, 10), 1, dimension=1), {"eta": 1}, {}, "every dimension"),
        (gd, None, {"eta": 1}, {}, "no function class"),
    ],
)
def test_bad_input_is_named(method: Rule, cls: Any, parameters: Any, more: Any, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        worst_case(method, cls, parameters, **more)


# -- the engine and the theorems ---------------------------------------------------------------------------------
def test_a_missing_solver_is_reported_as_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from sam_theory.engines._worst_case import _engine

    monkeypatch.setattr(_engine, "available", lambda: False)
    result = verify(LIBRARY["usam-worst-case-fgap.one-step"], engines=("worst-case",), budget="quick")
    assert [(e.engine, e.verdict) for e in result.evidence] == [("worst-case", "not-run")]
    assert "sam-theory[pep]" in result.evidence[0].detail


def test_the_engine_certifies_at_named_points_only() -> None:
    result = verify(LIBRARY["usam-worst-case-fgap.one-step"], engines=("worst-case",), budget="quick")
    (evidence,) = result.evidence
    assert result.verdict is Verdict.CERTIFIED and evidence.region is not None
    assert "at the points (alpha=1/10, beta=1" in evidence.region and evidence.covers is not None
    other = verify(LIBRARY["sc-sam-limsup-improved.one-step"], engines=("worst-case",), budget="quick")
    assert other.verdict is Verdict.UNDECIDED


def test_the_engine_refutes_with_data_of_its_own() -> None:
    result = verify(LIBRARY["usam-distance-quadratic-everywhere"], engines=("worst-case",), budget="quick")
    assert result.verdict is Verdict.REFUTED and result.witness is not None and result.witness.form == "data"
    assert result.as_expected


def test_the_distance_statement_without_its_hypothesis_falls_to_exact_data() -> None:
    result = verify(LIBRARY["usam-distance-quadratic-everywhere"], engines=("search",), budget="quick")
    assert result.verdict is Verdict.REFUTED and result.witness is not None
    assert (result.witness.observed, result.witness.bound) == ("145/144", "1")


@pytest.mark.parametrize("slug", [s for s in LIBRARY if s.startswith("usam-worst-case")])
def test_worst_cases_of_usam_are_proved(slug: str) -> None:
    result = verify(LIBRARY[slug], engines=("symbolic", "smt"), budget="quick")
    assert result.verdict is Verdict.PROVED and "z3" in result.trust_base


def test_without_its_hypothesis_the_distance_statement_is_not_proved() -> None:
    theorem = LIBRARY["usam-worst-case-distance.sector"]
    wide = theorem.with_(hypotheses=(alpha < beta,))
    result = verify(wide, engines=("symbolic", "smt"), budget="quick")
    assert result.verdict is Verdict.UNDECIDED and "p1 -> w" in result.reason


def test_the_engine_runs_only_when_asked_or_with_the_full_budget() -> None:
    assert "worst-case" in ENGINES
    result = verify(LIBRARY["usam-distance-quadratic-everywhere"], budget="quick")
    assert [e.engine for e in result.evidence] == ["search"]
