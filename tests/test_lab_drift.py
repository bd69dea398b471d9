"""The slow flow along minima, derived from rule and loss alone: known laws, losses of no statement, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from cli_tools import run

from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab import SlowFlow, slow_flow
from sam_theory.lab._manifold import find_manifolds, manifold_of
from sam_theory.lab._normal_form import law_of
from sam_theory.losses import Expression, Product, even_link, log_cosh
from sam_theory.rules import RULES, Rule, gd, sam, usam

eta, rho, lam, lam2 = sp.symbols("eta rho lam lam2", positive=True)
x, y, z = sp.symbols("x y z", real=True)
NEW = {
    "exp": "y**2*exp(x)/2",
    "sine": "(y - sin(x))**2*(1 + x**2)/2",
    "cosine": "log(cosh(y*(2 + cos(x))))",
    "circle": "(x**2 + y**2 - 1)**2*(2 + x)**2/32",
}


def flow(rule: str, loss: str, **options: Any) -> SlowFlow:
    return slow_flow(Map(RULES[rule], Expression(loss)), **options)


def same(a: sp.Expr, b: sp.Expr) -> bool:
    return bool(sp.simplify(a - b) == 0)


# -- the law of a rule -----------------------------------------------------------------------------------------------
def test_sam_drifts_down_the_curvature_with_the_factor_of_finite_step_size() -> None:
    law = law_of(sam, 1, 1)
    assert same(law.factor, -eta / 2 * (2 / (2 - eta * lam)) ** 2)
    assert same(law.radius, eta * lam / (2 - eta * lam))
    assert len(law.positive) == 1 and same(law.positive[0], 2 - eta * lam)
    assert law.order == 2


def test_of_two_curvatures_the_larger_attracts_the_cycle() -> None:
    law = law_of(sam, 2, 1)
    assert same(law.factor, -eta / 2 * (2 / (2 - eta * lam)) ** 2)
    assert {sp.expand(c) for c in law.positive} == {2 - eta * lam, lam - lam2}
    assert same(law.multipliers[1], 1 - eta * lam2 - (lam2 / lam) ** 2 * (2 - eta * lam))


@pytest.mark.parametrize("rule", [gd, usam])
def test_gd_and_usam_do_not_drift(rule: Rule) -> None:
    law = law_of(rule, 1, 1)
    effective = lam if rule is gd else lam * (1 + rho * lam)
    assert not law.drifts and law.radius == 0 and law.factor == 0
    assert same(law.multipliers[0], 1 - eta * effective)
    square = (effective / lam) ** 2
    assert same(law.transient, -eta / 2 * square / (1 - (1 - eta * effective) ** 2))


def test_unified_sam_has_a_law_of_its_own() -> None:
    tau = sp.Symbol("tau", positive=True)
    law = law_of(RULES["unified_sam"], 1, 1)
    assert same(law.factor, -eta / 2 * (2 / (2 - eta * lam * (1 + tau * lam))) ** 2)
    assert same(law.factor.subs(tau, 0), law_of(sam, 1, 1).factor)


def test_momentum_multiplies_the_drift() -> None:
    beta = sp.Symbol("momentum", positive=True)
    law = law_of(RULES["heavy_ball_sam"], 1, 1)
    assert same(law.radius, eta * lam / (2 * (1 + beta) - eta * lam))
    assert same(law.factor, -eta / 2 / (1 - beta) * (2 * (1 + beta) / (2 * (1 + beta) - eta * lam)) ** 2)
    assert same(law.memory, 2 * law.radius)
    assert same(law.factor.subs(beta, 0), law_of(sam, 1, 1).factor)
    assert {sp.expand(c) for c in law.positive} == {2 * (1 + beta) - eta * lam, 1 - beta}
    assert not law_of(RULES["heavy_ball_usam"], 1, 1).drifts
    with pytest.raises(InputError, match="one curvature"):
        law_of(RULES["heavy_ball_sam"], 2, 1)
    moving = flow("heavy_ball_sam", NEW["exp"], params={"eta": "1/2", "momentum": "1/2"}, manifold={"y": 0})
    seen = moving.compare({"x": 1}, ["1/40", "1/80", "1/160"], time=0.1)
    assert seen.order is not None and abs(seen.order - 2) < 0.1 and abs(seen.runs[-1].ratio - 1) < 1e-3


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("asam", "coordinates"),
        ("linf_sam", "coordinates"),
        ("friendly_sam", "power series"),
        ("scheduled_sam", "schedule"),
        ("random_perturbation_1", "noise"),
        ("decayed_sam", "rho"),
        ("regularised_sam", "power series"),
    ],
)
def test_a_rule_that_is_not_covered_is_refused_with_the_reason(rule: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        law_of(RULES[rule], 1, 1)


# -- the statements of the library -----------------------------------------------------------------------------------
def test_the_drift_law_on_products_and_its_first_integral() -> None:
    c = sp.Symbol("c", positive=True)
    found = slow_flow(Map(sam, Product(even_link)), manifold={"x": 0})
    level = {s: c for s in found.curvature.free_symbols if s.name == "c"}
    assert same(found.curvature.subs(level), c * y**2)
    rate = sp.diff(sp.log(found.curvature), y) * found.velocity[0]
    assert same(rate.subs(level), -8 * eta * c / (2 - eta * c * y**2) ** 2)
    assert found.clock is not None
    value = c * y**2
    first_integral = 4 * sp.log(value) - 4 * eta * value + eta**2 * value**2 / 2
    assert same(sp.diff(found.clock.subs(level) * -8 * eta * c - first_integral, y), sp.S.Zero)


def test_the_law_at_finite_step_size_on_a_paper_toy_with_two_curvatures() -> None:
    found = flow("sam", "(1 + z**2)*x**2/2 + (1/2 + z**2/4)*y**2/2")
    assert found.curvature == 1 + z**2
    assert same(found.velocity[0], -eta / 2 * (2 / (2 - eta * (1 + z**2))) ** 2 * 2 * z)
    assert found.fixed_points == (((sp.S.Zero,), "flattest"),)


def test_usam_and_gd_have_no_drift_on_a_loss() -> None:
    for rule in ("gd", "usam"):
        found = flow(rule, NEW["exp"], manifold={"y": 0})
        assert found.velocity == (0,) and "fixed point" in found.law_text()


# -- manifolds -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("x**2*y**2/2", [{"x": 0}, {"y": 0}]),
        (NEW["sine"], [{"y": sp.sin(x)}]),
        ("(x*y - 1)**2/2", [{"x": 1 / y}]),
    ],
)
def test_manifolds_are_found_in_the_zero_set_of_the_gradient(loss: str, expected: list[dict[str, sp.Expr]]) -> None:
    found = [dict(m.given) for m in find_manifolds(Expression(loss))]
    assert all(e in found for e in expected) and found[0] == expected[0]


def test_a_manifold_of_saddles_is_not_listed() -> None:
    assert [dict(m.given) for m in find_manifolds(Expression("(x**2 - 1)**2*(1 + y**2)"))] == [{"x": 1}, {"x": -1}]
    assert not find_manifolds(Expression("x**2*(2 + z**2) - y**2"))


def test_curvature_and_metric_of_a_curved_manifold() -> None:
    circle = manifold_of(Expression(NEW["circle"]), {"x": "cos(t)", "y": "sin(t)"})
    t = sp.Symbol("t", real=True)
    assert circle.metric == sp.Matrix([[1]])
    assert same(circle.curvatures[0], (2 + sp.cos(t)) ** 2 / 4)


@pytest.mark.parametrize(
    ("loss", "given", "reason"),
    [
        ("x**2*y**2/2", {"y": 1}, "not seen to vanish"),
        ("x**2*y**2/2", {"q": 0}, "no coordinate 'q'"),
        ("x**2*y**2/2", {"y": "y**2"}, "by itself"),
        ("x**2*y**2/2", {"x": 0, "y": 0}, "1 to 1 coordinates"),
    ],
)
def test_a_wrong_manifold_is_refused(loss: str, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        manifold_of(Expression(loss), given)


@pytest.mark.parametrize(
    ("loss", "options", "reason"),
    [
        ("x**2/2 + y**2", {}, "no manifold"),
        ("y**4*(1 + x**2)", {"manifold": {"y": 0}}, "rank below"),
        ("x**2 + y**2 + 0*z + x**2*z**2 + y**2*z**2", {}, "agree everywhere"),
        ("(1 + z**2)*x**2 + y**2*(2 - z)**2", {}, "choose a direction"),
        ("eta**2*x**2/2", {}, "rename"),
        ("x**2*y**2/2", {"params": {"rho": 1}}, "stays a symbol"),
        ("x**2*y**2/2", {"params": {"eta": -1}}, "positive"),
        ("x**2*y**2/2", {"params": {"nu": 1}}, "no parameter"),
    ],
)
def test_a_valley_that_is_not_covered_is_refused(loss: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        _ = flow("sam", loss, **options).velocity


# -- against simulation ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "step", "start", "minima"),
    [("exp", "1/2", 1, "0"), ("sine", "1/2", "1/2", "sin(x)"), ("cosine", "1/8", "1/2", "0")],
)
def test_simulation_follows_the_flow_up_to_second_order_on_new_losses(
    name: str, step: str, start: object, minima: str
) -> None:
    derived = flow("sam", NEW[name], params={"eta": step}, manifold={"y": minima})
    found = derived.compare({"x": start}, ["1/20", "1/40", "1/80"])
    assert found.order is not None and abs(found.order - 2) < 0.1
    assert abs(found.runs[-1].ratio - 1) < 2e-3
    if name == "exp":
        assert found.flattest is None
    else:
        arrival = found.runs[-1].arrival_ratio
        assert arrival is not None and abs(arrival - 1) < 4e-3
        assert found.flattest is not None and np.isclose(found.flattest[0], 0.0 if name == "sine" else np.pi, atol=1e-9)


def test_the_clock_gives_the_time_to_the_flattest_point() -> None:
    found = flow("sam", "(1 + x**2)*y**2/2", params={"eta": "1/2"})
    assert found.clock is not None
    passed = float(found.clock.subs(x, sp.Rational(1, 10)) - found.clock.subs(x, 1))
    run = found.compare({"x": 1}, ["1/100"]).runs[0]
    assert run.predicted_arrival == pytest.approx(passed, rel=1e-9)
    assert run.arrival == pytest.approx(passed, rel=2e-4)


def test_two_coordinates_along_a_curved_surface() -> None:
    found = flow("sam", "(x*y*z - 1)**2/2", params={"eta": "1/4"}, manifold={"x": "1/(y*z)"}).compare(
        {"y": 1, "z": "3/2"}, ["1/50"]
    )
    assert abs(found.runs[0].ratio - 1) < 4e-3
    assert found.flattest is not None and np.allclose(found.flattest, [1, 1])


def test_what_usam_and_gd_do_on_the_way_in_and_that_they_rest_then() -> None:
    found = flow("usam", NEW["sine"], params={"eta": "1/2", "rho": "1/10"}, manifold={"y": "sin(x)"})
    seen = found.compare({"x": "1/2"}, ["1/50", "1/100", "1/200", "1/400"])
    assert seen.order is not None and abs(seen.order - 1) < 0.1
    assert all(r.afterwards is not None and r.afterwards < 1e-15 for r in seen.runs)


def test_a_wrong_flow_would_be_seen() -> None:
    true = flow("sam", NEW["exp"], params={"eta": "1/2"})
    wrong = SlowFlow(true.map, true.manifold, replace(law_of(sam, 1, 1), factor=-eta / 2), 0, true.values)
    run = wrong.compare({"x": 1}, ["1/100"], time=0.05).runs[0]
    factor = (2 / (2 - np.e / 2)) ** 2
    assert run.ratio > 0.6 * factor


@pytest.mark.parametrize(
    ("start", "sizes", "options", "reason"),
    [
        ({}, ["1/10"], {}, "a number for each of x"),
        ({"x": 1}, [], {}, "at least one positive"),
        ({"x": 1}, [0], {}, "at least one positive"),
        ({"x": 1}, ["1e300"], {}, "1e-100 and 1e100"),
        ({"x": 3}, ["1/10"], {}, "does not hold"),
        ({"x": 0}, ["1/10"], {}, "does not move"),
        ({"x": 1}, ["1/100"], {"time": 2, "steps": 100}, "steps can reach"),
    ],
)
def test_a_comparison_that_makes_no_sense_is_refused(
    start: dict[str, Any], sizes: list[Any], options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        flow("sam", "(1 + x**2)*y**2/2", params={"eta": "1/2"}).compare(start, sizes, **options)


def test_what_is_open_cannot_be_simulated() -> None:
    with pytest.raises(InputError, match="number for eta"):
        flow("sam", NEW["exp"]).compare({"x": 1}, ["1/10"])
    with pytest.raises(InputError, match="leaves c open"):
        slow_flow(Map(sam, Product(even_link)), {"eta": "1/4"}).compare({"x": 1}, ["1/10"])


# -- results and the command -----------------------------------------------------------------------------------------
def test_results_are_tables_files_and_pictures(tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = slow_flow(Map(sam, Product(log_cosh)), {"eta": "1/10"}, {"x": 0})
    seen = found.compare({"y": 2}, ["1/20", "1/40"], time=0.2)
    seen.save(tmp_path / "seen.json")
    found.save(tmp_path / "flow.json")
    assert json.loads((tmp_path / "seen.json").read_text())["runs"][0]["steps"] == seen.runs[0].steps
    assert json.loads((tmp_path / "flow.json").read_text())["curvatures"] == ["y**2"]
    assert [set(map(type, row.values())) for row in seen.to_table() + found.to_table()] == [{str}] * (
        len(seen.to_table()) + len(found.to_table())
    )
    assert seen.plot().get_xlabel() == "$\\rho^2 t$"
    assert found.plot(span=(1.0, 3.0)).get_xlabel() == "y"
    pyplot.close("all")


def test_the_command_prints_law_and_comparison(tmp_path: Path) -> None:
    arguments = "--loss y**2*exp(x)/2 --rule sam --eta 1/2 --compare rho=1/20 --start x=1 --time 0.1"
    done = run("drift", *arguments.split(), "--json", str(tmp_path / "drift.json"))
    assert done.exit_code == 0, done.stderr
    assert "dm/dt = rho**2*(-eta/2*(2/(2 - eta*lam))**2)*grad lam" in done.stdout
    assert "predicted order" in done.stdout
    assert json.loads((tmp_path / "drift.json").read_text())["start"] == {"x": 1.0}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--loss x**2/2+y**2 --rule sam", "no manifold of minima"),
        ("--loss x**2*y**2/2 --rule sam --manifold y", "NAME=FORMULA"),
        ("--loss x**2*y**2/2 --rule sam --start x=1", "belong to --compare"),
        ("--loss x**2*y**2/2 --rule sam --eta 1 --compare eps=1 --start x=1", "write rho="),
        ("--loss x**2*y**2/2 --rule sam --eta 1 --compare rho=1 --start x", "NAME=X"),
    ],
)
def test_the_command_says_what_is_wrong(arguments: str, reason: str) -> None:
    done = run("drift", *arguments.split())
    assert done.exit_code == 2 and reason in done.stderr
