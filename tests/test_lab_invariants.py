"""What a step keeps or multiplies: rediscovered from the loss alone, and never claimed without an exact proof."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner

from sam_theory.cli import main
from sam_theory.dynamics import Map, simulate
from sam_theory.errors import InputError
from sam_theory.lab import Invariant, Invariants, find_invariants
from sam_theory.losses import Expression, Quadratic
from sam_theory.rules import RULES, gd_flow, sam_flow

PRODUCT = "log(cosh(x*y))"


def _of(found: Invariants, quantity: str) -> Invariant:
    return next(i for i in found if str(i.quantity) == quantity)


def test_balancedness_of_gradient_flow_is_rediscovered() -> None:
    found = find_invariants(Map(gd_flow, Expression(PRODUCT)))
    assert _of(found, "x**2 - y**2").conserved
    assert [str(i.quantity) for i in found if i.conserved] == ["x**2 - y**2"]


@pytest.mark.parametrize("rule", ["gd", "usam", "sam"])
def test_the_factor_of_the_balancedness_identity_is_rediscovered(rule: str) -> None:
    # (1 - eta a q)^2 - eta^2 q^2 with a = 0, rho l'(xy), rho sgn(l'(xy))/n
    found = find_invariants(Map(RULES[rule], Expression(PRODUCT)))
    names = {str(s): s for s in found.atoms}
    eta, rho = sp.Symbol("eta", real=True), sp.Symbol("rho", real=True)
    a = {"gd": 0, "usam": rho * names["q1"], "sam": rho * names["q1"] * names.get("s1", 0)}[rule]
    q = names["q1" if rule == "gd" else "q2"]
    assert sp.expand(_of(found, "x**2 - y**2").factor - (1 - eta * a * q) ** 2 + eta**2 * q**2) == 0


@pytest.mark.parametrize("rule", ["usam", "sam"])
def test_the_factors_are_those_of_simulated_steps(rule: str) -> None:
    system = Map(RULES[rule], Expression(PRODUCT))
    found = find_invariants(system)
    params = {"eta": 0.3, "rho": 0.2}
    run = simulate(system, [0.7, 1.9], steps=1, params=params, record="all")
    before, after = np.asarray(run.states, dtype=float)
    at = dict(zip(system.loss.coordinates(), map(sp.Float, before), strict=True))
    numbers = {sp.Symbol(n, real=True): sp.Float(v) for n, v in params.items()}
    assert len(found) == 3
    for one in found:
        quantity = sp.lambdify(list(system.loss.coordinates()), one.quantity)
        predicted = float(found.spelled(one.factor).xreplace({**at, **numbers})) * quantity(*before)
        assert quantity(*after) == pytest.approx(predicted, rel=1e-12)


def test_vectors_have_one_factor_for_all_differences_of_squares() -> None:
    found = find_invariants(Map(RULES["sam"], Expression("log(cosh(x1*y1 + x2*y2))")))
    quantities = ["x1**2 - y1**2", "x2**2 - y2**2", "x1*x2 - y1*y2", "x1*y2 - x2*y1"]
    assert len({_of(found, q).factor for q in quantities}) == 1


def test_three_factors_keep_pairwise_balance_up_to_a_factor() -> None:
    found = find_invariants(Map(RULES["gd"], Expression("(x*y*z - 1)**2/2")))
    eta, q, z = sp.Symbol("eta", real=True), next(iter(found.atoms)), sp.Symbol("z", real=True)
    one = _of(found, "x**2 - y**2")
    assert sp.expand(one.factor - (1 - eta**2 * q**2 * z**2)) == 0
    assert one.bounded


def test_a_flow_of_sam_shrinks_the_imbalance_at_the_known_rate() -> None:
    found = find_invariants(Map(sam_flow, Expression(PRODUCT)))
    q1, s1, q2 = found.atoms
    rho = sp.Symbol("rho", real=True)
    assert sp.expand(_of(found, "x**2 - y**2").factor + 2 * rho * q1 * q2 * s1) == 0


def test_a_family_may_be_given_and_may_hold_nothing() -> None:
    system = Map(gd_flow, Expression(PRODUCT))
    assert [str(i.quantity) for i in find_invariants(system, family=["x**2", "y**2"])] == ["x**2 - y**2"]
    assert len(find_invariants(system, family=["x**4", "y**4"])) == 0


def test_rotations_are_invariants_of_a_radial_loss() -> None:
    found = find_invariants(Map(RULES["gd"], Expression("(x**2 + y**2 - 1)**2/4")), degree=1)
    assert {str(i.quantity) for i in found} == {"x", "y"}
    assert len({i.factor for i in found}) == 1  # so that the angle is conserved


def test_what_is_claimed_holds_at_exact_rationals() -> None:
    system = Map(RULES["usam"], Expression("(x*y)**2/2"))
    found = find_invariants(system)
    x, y = system.loss.coordinates()
    point = {x: sp.Rational(3, 7), y: sp.Rational(-5, 2)}
    numbers = {sp.Symbol("eta", real=True): sp.Rational(1, 3), sp.Symbol("rho", real=True): sp.Rational(2, 5)}
    image = [e.xreplace(point).xreplace(numbers) for e in system.symbolic_step()["w"]]
    for one in found:
        after = one.quantity.xreplace(dict(zip((x, y), image, strict=True)))
        factor = found.spelled(one.factor).xreplace(point).xreplace(numbers)
        assert sp.nsimplify(after - factor * one.quantity.xreplace(point)) == 0


def test_results_are_saved_and_drawn(tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    found = find_invariants(Map(RULES["sam"], Expression(PRODUCT)))
    found.save(tmp_path / "invariants.json")
    saved = json.loads((tmp_path / "invariants.json").read_text())
    assert saved["found"][1]["quantity"] == "x**2 - y**2"
    axes = found.plot([0.5, 2.0], steps=50, params={"eta": 0.1, "rho": 0.1})
    line, points = axes.lines[2], axes.lines[3]
    assert points.get_ydata()[-1] == pytest.approx(
        np.interp(points.get_xdata()[-1], line.get_xdata(), line.get_ydata()), rel=1e-9
    )
    with pytest.raises(InputError, match="flow"):
        find_invariants(Map(gd_flow, Expression(PRODUCT))).plot([1.0, 2.0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree": 0}, "degree"),
        ({"degree": True}, "degree"),
        ({"family": ["exp(x)"]}, "polynomial"),
        ({"family": ["w**2"]}, "polynomial"),
        ({"family": []}, "0 terms"),
        ({"degree": 40}, "terms"),
    ],
)
def test_bad_families_are_refused(options: dict[str, Any], message: str) -> None:
    system = Map(RULES["gd"], Expression("x*y*z*u*v"))
    with pytest.raises(InputError, match=message):
        find_invariants(system, **options)


def test_a_family_that_is_not_independent_gives_no_zero() -> None:
    system = Map(RULES["sam"], Expression("x*y"))
    assert find_invariants(system, family=["x**2", "2*x**2"]).found == ()
    assert find_invariants(system, family=["0"]).found == ()
    assert [str(i.quantity) for i in find_invariants(system, family=["1"]).found] == ["1"]


def test_maps_with_noise_are_refused() -> None:
    with pytest.raises(InputError, match="noise"):
        find_invariants(Map(RULES["scheduled_sam"], Quadratic(1)))


def test_the_command_finds_and_explains() -> None:
    outcome = CliRunner().invoke(
        main, ["invariants", "--loss", PRODUCT, "--rule", "gd_flow", "--family", "x**2", "--family", "y**2"]
    )
    assert (outcome.exit_code, "x**2 - y**2  conserved" in outcome.stdout) == (0, True)
    assert "# q1 = tanh(x*y)" in outcome.stdout
    outcome = CliRunner().invoke(main, ["invariants", "--loss", PRODUCT, "--rule", "gdflow"])
    assert (outcome.exit_code, "unknown rule" in outcome.stderr) == (2, True)
