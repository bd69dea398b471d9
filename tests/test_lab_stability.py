"""Stability: multipliers and thresholds against closed forms, numbers against other root finders, cycles by steps."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import sympy as sp
from click.testing import CliRunner
from scipy.optimize import brentq

from sam_theory.cli import main
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab import Stability, at, stability
from sam_theory.lab._critical import certified_roots, condition
from sam_theory.lab._laws import cycle_laws, needed, rest_law
from sam_theory.lab._save import load_json
from sam_theory.losses import Expression, Loss, Quadratic
from sam_theory.rules import RULES, Rule
from sam_theory.theorems.quadratics import CYCLE_JACOBIAN

mpl.use("Agg")
TRANSCENDENTAL = "y**2*(exp(x) + x**2)/2"


def _stability(
    rule: str | Rule, loss: str | Loss, place: dict[str, Any], params: Any = None, search: Any = None
) -> Stability:
    law = RULES[rule] if isinstance(rule, str) else rule
    return stability(Map(law, Expression(loss) if isinstance(loss, str) else loss), place, params, search)


def _same(a: sp.Expr, b: str | sp.Expr) -> bool:
    """Equality of formulas whose symbols differ in what is assumed of them."""
    plain = {s: sp.Symbol(s.name, positive=True) for e in (a, sp.sympify(b)) for s in e.free_symbols}
    return bool(sp.simplify(a.xreplace(plain) - sp.sympify(b).xreplace(plain)) == 0)


def _laws(found: Stability, parameter: str, kind: str, direction: str = "normal 1") -> list[sp.Expr]:
    wanted = (parameter, kind, direction)
    return [c.law for c in found.critical if (c.parameter, c.kind, c.direction) == wanted and c.law is not None]


# -- closed forms ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "parameter", "kind", "expected"),
    [
        ("gd", "eta", "flip", "2/lam"),
        ("usam", "eta", "flip", "2/(lam*(1 + rho*lam))"),
        ("usam", "rho", "flip", "(2 - eta*lam)/(eta*lam**2)"),
        ("heavy_ball", "eta", "flip", "2*(1 + momentum)/lam"),
        ("heavy_ball", "momentum", "Neimark-Sacker", "1"),
        ("heavy_ball_usam", "eta", "flip", "2*(1 + momentum)/(lam*(1 + rho*lam))"),
        ("sam", "eta", "radius diverges", "2/lam"),
        ("heavy_ball_sam", "eta", "radius diverges", "2*(1 + momentum)/lam"),
        ("unified_sam", "eta", "radius diverges", "2/(lam*(1 + tau*lam))"),
    ],
)
def test_critical_parameters_are_the_known_closed_forms(rule: str, parameter: str, kind: str, expected: str) -> None:
    [law] = _laws(_stability(rule, Quadratic("c"), {"w1": 0}), parameter, kind)
    assert _same(law, expected)


def test_conditions_say_where_a_critical_value_exists() -> None:
    rows = _stability("usam", "(x*y)**2/2", {"y": 0}).critical_table()
    assert {r["critical"]: r["where"] for r in rows if r["critical"] != "x"} == {
        "eta": "lam > 0",
        "rho": "lam > 0, eta*lam < 2",
    }


def test_on_the_hyperbola_the_curvature_and_the_places_of_the_flip_are_exact() -> None:
    found = _stability("gd", "(x*y - 1)**2/2", {"x": "1/y"}, {"eta": "1/4"}, {"y": ("1/10", 4)})
    assert _same(found.curvatures[0], "y**2 + 1/y**2")
    truth = [math.sqrt(4 + s * math.sqrt(15)) for s in (1, -1)]  # y**2 + y**-2 = 8
    values = [c.value for c in found.critical if c.enclosure]
    assert values == pytest.approx(truth, abs=1e-12)
    assert found.certainty() == "proved: no further critical values in 1/10 <= y <= 4"


def test_usam_makes_a_saddle_attract_where_the_ascent_step_turns_the_gradient() -> None:
    found = _stability("usam", "x**2 - y**2", {"x": 0, "y": 0})
    [law] = _laws(found, "rho", "fold", "normal 2")
    assert _same(law, "-1/lam")
    assert found.curvatures == (2, -2)


def test_sam_with_epsilon_rests_and_its_threshold_is_that_of_usam_with_radius_rho_over_epsilon() -> None:
    found = _stability(RULES["sam"].free("eps"), Quadratic(1, 4), {"w1": 0, "w2": 0})
    assert [o.kind for o in found.orbits] == ["fixed point"]
    [law] = _laws(found, "eta", "flip", "normal 2")
    assert _same(law, "2*eps/(lam*(eps + lam*rho))")


@pytest.mark.parametrize("rule", ["usam", "sam", "heavy_ball_usam", "unified_sam"])
def test_at_a_critical_value_whose_conditions_hold_a_multiplier_has_modulus_1(rule: str) -> None:
    rng, checked = np.random.default_rng(5), 0
    for loss, place in (("x**2 - y**2/3", {"x": 0, "y": 0}), ("(x*y)**2/2", {"y": 0})):
        found = _stability(rule, loss, place)
        orbits = {o.name: o for o in found.orbits}
        for c in found.critical:
            d = next(d for d in orbits[c.orbit].directions if d.name == c.direction)
            env = {n: float(rng.uniform(0.05, 2)) for n in (*found.map.parameters, "x")}
            assert c.formula is not None
            value = complex(sp.N(c.formula.subs({s: env[s.name] for s in c.formula.free_symbols})))
            env[c.parameter] = value.real
            lams = {"lam": d.own, "lam_j": d.other or sp.S.Zero}
            env |= {n: float(e.subs({s: env[s.name] for s in e.free_symbols})) for n, e in lams.items()}
            needs = [float(e.subs({s: env[s.name] for s in e.free_symbols})) for e in c.positive if not value.imag]
            if not value.imag and all(n > 0 for n in needs):
                checked += 1
                assert c.parameter == "x" or value.real > 0
                assert np.abs(d.moduli(env)[0] - 1).min() < 1e-8
    assert checked > 3


# -- against Jacobians of the map itself -----------------------------------------------------------------
@pytest.mark.parametrize("rule", ["usam", "heavy_ball"])
def test_multipliers_are_the_eigenvalues_of_the_jacobian_of_the_whole_map(rule: str) -> None:
    params = {"eta": "3/10", "rho": "1/5", "momentum": "2/5"}
    loss = Expression("(x*y*exp(z) - 1)**2/2 + (y - z)**2*(2 + sin(x))/2")
    map = Map(RULES[rule], loss)
    given = {n: params[n] for n in map.parameters}
    found = stability(map, {"x": "exp(-y)/y", "z": "y"}, given)
    y = 0.8
    env = {**{n: float(Fraction(v)) for n, v in given.items()}, "y": y}
    [orbit] = found.orbits
    assert [d.name for d in orbit.directions] == ["tangent", "normal 1", "normal 2"]
    predicted = np.sort(np.concatenate([d.moduli(env)[0] for d in orbit.directions]))
    rest = [0.0] * (3 * (len(map.state) - 1))
    linear = at(map, given).linearised([math.exp(-y) / y, y, y, *rest])
    assert linear is not None
    assert predicted == pytest.approx(np.sort(np.abs(np.linalg.eigvals(linear[1]))), abs=1e-9)


@pytest.mark.parametrize("rule", ["sam", "heavy_ball_sam", "decayed_sam", "clipped_sam"])
def test_cycles_on_quadratics_close_and_have_these_multipliers(rule: str) -> None:
    numbers = {"eta": "3/10", "rho": "1/2", "tau": "1/4", "momentum": "2/5", "weight_decay": "1/3", "clip": 5}
    map = Map(RULES[rule], Quadratic(1, 3))
    given = {n: numbers[n] for n in map.parameters}
    found = stability(map, {"w1": 0, "w2": 0}, given)
    assert found.exact
    assert "exact, the loss is quadratic" in found.scope()
    here = at(map, given)
    for i, orbit in enumerate(found.orbits):
        state = np.zeros(2 * len(map.state))
        state[i] = radius = float(orbit.here)
        for v in range(1, len(map.state)):  # a velocity on the cycle is the last step
            state[2 * v + i] = 2 * radius
        linear = here.linearised(state, 2)
        assert linear is not None
        assert linear[0] == pytest.approx(state, abs=1e-12)
        predicted = np.sort(
            np.concatenate([d.moduli({n: float(v) for n, v in found.values.items()})[0] for d in orbit.directions])
        )
        assert predicted == pytest.approx(np.sort(np.abs(np.linalg.eigvals(linear[1]))), abs=1e-9)


def test_the_cycle_has_the_multipliers_that_the_library_proves() -> None:
    assert CYCLE_JACOBIAN.slug == "quad-cycle-jacobian.step"
    proved = CYCLE_JACOBIAN.claim.multipliers  # of -SAM
    [law] = cycle_laws(RULES["sam"], 2, 1, True)
    assert law.other is not None
    assert _same(law.own[0, 0], -proved[0])
    assert _same(law.other[0, 0], -proved[1])
    assert _same(law.radius, "eta*lam*rho/(2 - eta*lam)")


def test_beside_a_valley_the_cycle_of_sam_is_of_leading_order() -> None:
    """The measured half-amplitude over the predicted one tends to 1 with rho."""
    map = Map(RULES["sam"], Expression("log(cosh(x*y))"))
    errors = []
    for rho in (Fraction(1, 10), Fraction(1, 1000)):
        found = stability(map, {"y": 0}, {"eta": "1/2", "rho": rho, "x": 1})
        assert found.scope().endswith("leading order in rho")
        state = np.array([[1.0, float(found.orbits[0].here)]])
        for _ in range(20):
            state = at(map, {"eta": "1/2", "rho": rho}).step(state)
        drifted = stability(map, {"y": 0}, {"eta": "1/2", "rho": rho, "x": float(state[0, 0])})
        errors.append(abs(abs(state[0, 1]) / float(drifted.orbits[0].here) - 1))
    assert errors[0] < 0.05
    assert errors[1] < errors[0] / 20


# -- certified numbers -----------------------------------------------------------------------------------
@pytest.mark.parametrize("rule", ["gd", "usam"])
def test_the_place_where_a_transcendental_valley_loses_stability_is_enclosed(rule: str) -> None:
    params = {"eta": "1/4", "rho": "1/2"}
    given = {n: params[n] for n in RULES[rule].parameters}
    found = _stability(rule, TRANSCENDENTAL, {"y": 0}, given, {"x": (-1, 3)})
    edge = 8.0 if rule == "gd" else -1 + math.sqrt(17)  # lam with eta*lam*(1 + rho*lam) = 2
    truth = brentq(lambda x: math.exp(x) + x * x - edge, 0, 3, xtol=1e-15)
    [critical] = [c for c in found.critical if c.parameter == "x"]
    assert critical.law is None
    assert critical.kind == "flip"
    assert critical.value == pytest.approx(truth, abs=1e-12)
    low, high = critical.enclosure or (0, 0)
    assert 0 < high - low < Fraction(1, 10**13)
    assert not found.unresolved


def test_certified_thresholds_agree_with_the_closed_forms_they_enclose() -> None:
    found = _stability(
        "heavy_ball_usam", Quadratic(1, 4), {"w1": 0, "w2": 0}, {"rho": 1, "momentum": "9/10"}, {"eta": (0, 2)}
    )
    pairs = {(c.direction, c.formula): c.enclosure for c in found.critical if c.parameter == "eta"}
    assert set(pairs) == {("normal 1", sp.Rational(19, 10)), ("normal 2", sp.Rational(19, 100))}
    for (_, formula), enclosure in pairs.items():
        assert enclosure is not None
        assert enclosure[0] <= Fraction(int(formula.p), int(formula.q)) <= enclosure[1]


def test_roots_are_isolated_and_what_is_not_is_said() -> None:
    x = sp.Symbol("x", real=True)
    roots = certified_roots(x * (x - 1) * (x - 2), "x", Fraction(0), Fraction(2))
    assert [round(float(a + b) / 2, 12) for a, b in roots.enclosures] == [0, 1, 2]
    assert not roots.unresolved
    assert certified_roots(sp.cosh(x), "x", Fraction(-3), Fraction(3)).enclosures == ()
    double = certified_roots((sp.exp(x) - 1) ** 2, "x", Fraction(-1), Fraction(2))
    assert not double.enclosures
    assert all(abs(a) < 1e-3 and abs(b) < 1e-3 for a, b in double.unresolved)
    assert double.unresolved
    poles = certified_roots(sp.tan(x), "x", Fraction(-4), Fraction(4))
    assert [float(a + b) / 2 for a, b in poles.enclosures] == pytest.approx([-math.pi, 0, math.pi], abs=1e-12)
    assert all(abs(abs(float(a)) - math.pi / 2) < 1e-5 for a, _ in poles.unresolved)


def test_a_pair_of_multipliers_with_product_1_is_found_in_any_size() -> None:
    t = sp.Symbol("t", real=True)
    block = sp.diag(sp.Matrix([[0, -t], [1, sp.Rational(1, 2)]]), sp.Matrix([[sp.Rational(1, 3)]]))
    found = condition(block, 0)
    assert found is not None
    assert found[0].subs(t, 1) == 0
    assert found[0].subs(t, sp.Rational(1, 2)) != 0


def test_what_cannot_be_positive_is_refused_and_squares_are_left_out() -> None:
    a, b = sp.Symbol("a", positive=True), sp.Symbol("b", real=True)
    assert needed([-a]) is None
    assert needed([a * b**2]) == ()
    assert needed([a * (b - 1)]) == (b - 1,)


# -- results and bad input -------------------------------------------------------------------------------
def test_tables_files_and_pictures(tmp_path: Path) -> None:
    found = _stability("usam", TRANSCENDENTAL, {"y": 0}, {"eta": "1/4", "rho": "1/2"}, {"x": (-1, 3)})
    assert all(isinstance(cell, str) for row in (*found.to_table(), *found.critical_table()) for cell in row.values())
    found.save(tmp_path / "s.json")
    document = load_json(tmp_path / "s.json", "stability")
    assert document["orbits"][0]["directions"][1]["multipliers"] == ["1 - eta*lam - eta*lam**2*rho"]
    axes = found.plot()
    tangent, normal = axes.lines[0], axes.lines[1]
    assert np.asarray(tangent.get_ydata()) == pytest.approx(1)
    x, y = np.asarray(normal.get_xdata(), dtype=float), np.asarray(normal.get_ydata(), dtype=float)
    lam = np.exp(x) + x**2
    assert y == pytest.approx(np.abs(1 - lam * (1 + lam / 2) / 4))
    with pytest.raises(InputError, match="a number for eta"):
        _stability("usam", TRANSCENDENTAL, {"y": 0}, {"rho": 1}).plot(along="x", between=(0, 1))


@pytest.mark.parametrize(
    ("rule", "place", "params", "search", "message"),
    [
        ("gd", {"y": 1}, {}, {}, "not seen to vanish"),
        ("gd", {"x": 1, "y": 1}, {}, {}, "not seen to vanish"),
        ("gd", {"z": 0}, {}, {}, "no coordinate 'z'"),
        ("gd", {}, {}, {}, "say where"),
        ("gd", {"y": 0}, {"eta": 0}, {}, "positive parameters"),
        ("gd", {"y": 0}, {"rho": 1}, {}, "neither a parameter nor a coordinate 'rho'"),
        ("gd", {"y": 0}, {}, {"x": (0, 1)}, "need a number for eta"),
        ("gd", {"y": 0}, {"eta": 1}, {"x": (1, 0)}, "lower end"),
        ("gd", {"y": 0}, {}, {"eta": (-1, 1)}, "positive parameters"),
        ("stable_sam", {"y": 0}, {}, {}, "no derivative"),
        ("decayed_sam", {"y": 0}, {}, {}, "where the origin is"),
        ("asam", {"y": 0}, {}, {}, "acts on coordinates"),
        ("scheduled_sam", {"y": 0}, {}, {}, "schedule"),
        ("friendly_sam", {"y": 0}, {}, {}, "find_orbits"),
        ("sam", {"x": 0, "y": 0}, {}, {}, "the Hessian vanishes"),
    ],
)
def test_bad_input_is_refused(rule: str, place: dict[str, Any], params: Any, search: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        _stability(rule, "(x*y)**2/2", place, params, search)


def test_a_rule_that_jumps_has_no_law_at_rest() -> None:
    assert rest_law(RULES["sam"], 2, 1, False) is None
    assert rest_law(RULES["usam"], 2, 1, False) is not None


def test_the_command(tmp_path: Path) -> None:
    arguments = ["stability", "--loss", TRANSCENDENTAL, "--rule", "usam", "--eta", "1/4", "--rho", "1/2", "--on", "y=0"]
    run = CliRunner().invoke(main, [*arguments, "--search", "x=-1:3", "--plot", str(tmp_path / "s.png")])
    assert run.exit_code == 0, run.output
    assert "0.864969436732 (certified)" in run.output
    assert (tmp_path / "s.png").stat().st_size > 1000
    run = CliRunner().invoke(main, [*arguments, "--at", "x=1", "--json", "-"])
    assert json.loads(run.output)["parameters"] == {"eta": "1/4", "rho": "1/2", "x": "1"}
    assert CliRunner().invoke(main, [*arguments[:-1], "y"]).exit_code == 2
    assert CliRunner().invoke(main, [*arguments, "--plot", str(tmp_path / "t.png")]).exit_code == 2
