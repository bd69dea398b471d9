"""Attractors: Lyapunov spectra, orbit diagrams and basins against what is known in closed form."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from cli_tools import run
from scipy.optimize import brentq

from sam_theory.arithmetic import Jet, Jets, PythonFloat, Rational, with_derivative
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab import _attractor, _basin, _diagram, _lyapunov, at, basins, lyapunov, orbit_diagram
from sam_theory.lab._attractor import APERIODIC, DIVERGED, DRIFTING, SETTLED, ends
from sam_theory.lab._frames import Carrier
from sam_theory.lab._lyapunov import _interval
from sam_theory.losses import Expression
from sam_theory.rules import RULES, gd, sam, usam

HEAVY_BALL = RULES["heavy_ball"]
LOGISTIC = Map(gd, Expression("4*w**3/3 - 3*w**2/2"))  # w − L'(w) = 4w(1−w)
CHEBYSHEV = Map(gd, Expression("2*w**2 - w**4"))  # w − L'(w) = 4w³ − 3w
HENON = Map(HEAVY_BALL, Expression("7*w**3/15 + 7*w**2/20 - w"))  # w⁺ = 1 − 1.4w² + 0.3·(w before)
WELLS = Map(gd, Expression("w**4/4 - w**2/2"))
PRODUCT = Map(sam, Expression("log(cosh(x*y))"))


# -- derivatives of programs ---------------------------------------------------------------------------------
def derivative(map: Map) -> tuple[Any, list[str]]:
    places = [f"{v}:{i}" for v in map.state for i in range(len(map.loss.variables))]
    return with_derivative(map.flat, places), places


@pytest.mark.parametrize("rule", ["gd", "usam", "heavy_ball_usam"])
def test_a_differentiated_program_gives_the_exact_partial_derivatives(rule: str) -> None:
    map = Map(RULES[rule], Expression("x**4*y - 3*x*y**2 + x/(1+y**2)"))
    program, places = derivative(map)
    draws = Random(1)
    values = {n: Fraction(draws.randint(-9, 9), draws.randint(1, 9)) for n in (*places, *map.parameters)}
    out = Rational().run(program, values)
    jets = Jets(len(places))
    env = {n: Jet(values[n]) for n in map.parameters}
    image = at(map, {n: 1 for n in map.parameters}).system.step(jets, jets.seeds([values[n] for n in places]), env)
    for place, jet in zip(places, image, strict=True):
        assert out[place] == jet.value
        assert [out[f"{place}|{p}"] for p in places] == jets.slopes(jet)


@pytest.mark.parametrize("rule", ["sam", "heavy_ball_sam", "asam", "lp_sam", "clipped_sam", "linf_sam", "stable_sam"])
@pytest.mark.parametrize(
    "loss", ["log(cosh(x*y)) + x**2/5", "exp(x)*sin(y) + atan(x*y) + sqrt(1+y**2)", "Abs(x)**3+y**2"]
)
def test_a_differentiated_normalised_step_agrees_with_jets(rule: str, loss: str) -> None:
    map = Map(RULES[rule], Expression(loss))
    here = at(map, {n: Fraction(1, 3) + Fraction(i, 7) for i, n in enumerate(map.parameters)})
    program, places = derivative(map)
    point = np.random.default_rng(3).uniform(-2, 2, len(places))
    linear = here.linearised(point.tolist())
    assert linear is not None
    floats = {n: float(v) for n, v in here.values.items()}
    out = PythonFloat().run(program, {**floats, **dict(zip(places, point.tolist(), strict=True))})
    slopes = [[out[f"{a}|{b}"] for b in places] for a in places]
    np.testing.assert_allclose(slopes, linear[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("normalisation", ["add", "max", "quadrature"])
@pytest.mark.parametrize("eps", ["1/10", "3"])
def test_a_regularised_unit_vector_is_differentiated(normalisation: str, eps: str) -> None:
    map = Map(sam.fix(normalisation=normalisation).free("eps"), Expression("x**2/2 + y**2 + x*y/3"))
    here = at(map, {"eta": "1/3", "rho": "1/2", "eps": eps})
    program, places = derivative(map)
    floats = {n: float(v) for n, v in here.values.items()}

    def step(x: float, y: float) -> Any:
        return PythonFloat().run(program, {**floats, "w:0": x, "w:1": y})

    out, h = step(0.3, -0.7), 1e-6
    for b, (dx, dy) in {"w:0": (h, 0.0), "w:1": (0.0, h)}.items():
        after, before = step(0.3 + dx, -0.7 + dy), step(0.3 - dx, -0.7 - dy)
        for a in places:
            assert out[f"{a}|{b}"] == pytest.approx((after[a] - before[a]) / (2 * h), abs=1e-8)


def test_jumps_and_kinks_are_told() -> None:
    program, _ = derivative(Map(gd, Expression("w**2 + Abs(w-1)**3")))
    env = {"eta": 0.5, "rho": 0.0}
    assert PythonFloat().run(program, {**env, "w:0": 1.0})["kink"] == 0.0
    program, _ = derivative(Map(sam, Expression("w**2/2")))
    assert PythonFloat().run(program, {**env, "w:0": 0.25})["jump"] == 0.25
    assert "kink" not in dict(program.outputs)


def test_a_power_whose_exponent_moves_is_refused() -> None:
    with pytest.raises(InputError, match="exponent"):
        derivative(Map(gd, Expression("(2+x**2)**y")))


# -- Lyapunov spectra ----------------------------------------------------------------------------------------
def test_the_exponents_of_a_linear_map_are_the_logarithms_of_its_eigenvalues() -> None:
    found = lyapunov(Map(gd, Expression("x**2/2 + x*y + 2*y**2")), {"eta": "1/3"}, [1, 2], 2_000)
    exact = np.log(np.abs(1 - np.linalg.eigvalsh([[1.0, 1.0], [1.0, 4.0]]) / 3))
    np.testing.assert_allclose(found.exponents, np.sort(exact)[::-1], atol=1e-12)
    assert found.converged == (True, True) and found.half_widths.max() < 1e-12


def test_three_exponents_of_a_linear_map() -> None:
    found = lyapunov(Map(gd, Expression("x**2/2 + x*y + 2*y**2 + z**2/3")), {"eta": "1/3"}, [1, 2, 3], 512, 300)
    exact = np.log(np.abs(1 - np.linalg.eigvalsh([[1, 1, 0], [1, 4, 0], [0, 0, 2 / 3]]) / 3))
    np.testing.assert_allclose(found.exponents, np.sort(exact)[::-1], atol=1e-10)


def test_a_pair_of_complex_multipliers_has_the_logarithm_of_its_modulus_twice() -> None:
    found = lyapunov(Map(HEAVY_BALL, Expression("w**2/2")), {"eta": 1, "momentum": "1/2"}, [1], 20_000)
    np.testing.assert_allclose(found.exponents, math.log(0.5) / 2, atol=1e-4)
    assert found.predicted is not None
    np.testing.assert_allclose(found.predicted, math.log(0.5) / 2, atol=1e-12)


@pytest.mark.parametrize("map, start, exact", [(LOGISTIC, 0.3, math.log(2)), (CHEBYSHEV, 0.3, math.log(3))])
def test_conjugates_of_full_shifts_have_the_logarithm_of_their_degree(map: Map, start: float, exact: float) -> None:
    found = lyapunov(map, {"eta": 1}, [start], 50_000)
    assert found.converged == (True,) and found.half_widths[0] < 2e-3
    assert abs(found.exponents[0] - exact) < 2 * found.half_widths[0]


def test_a_product_of_two_maps_has_the_exponents_of_both() -> None:
    loss = Expression("4*x**3/3 - 3*x**2/2 + 2*y**2 - y**4")
    found = lyapunov(Map(gd, loss), {"eta": 1}, [0.3, 0.4], 50_000)
    np.testing.assert_allclose(found.exponents, [math.log(3), math.log(2)], atol=3e-3)


def test_heavy_ball_on_a_cubic_is_the_henon_map() -> None:
    found = lyapunov(HENON, {"eta": 1, "momentum": "-3/10"}, [0], 200_000)
    # 0.41922 and -1.62319: the values in use for a = 1.4, b = 0.3; the sum is log b.
    np.testing.assert_allclose(found.exponents, [0.41922, -1.62319], atol=3e-3)
    assert np.abs(found.exponents - [0.41922, -1.62319]).max() < 2 * found.half_widths.max()
    assert found.exponents.sum() == pytest.approx(math.log(0.3), abs=1e-11)
    assert found.kaplan_yorke == pytest.approx(1.258, abs=2e-3)


@pytest.mark.parametrize("eta", ["1/5", "9/10"])
def test_sam_at_a_maximum_is_chaotic_with_exponent_log_one_plus_eta(eta: str) -> None:
    # For |w| < ρ the ascent point lies beyond the maximum: w⁺ = (1+η)w − ηρ sgn w, which keeps [−ηρ, ηρ] if η < 1.
    found = lyapunov(Map(sam, Expression("-w**2/2")), {"eta": eta, "rho": "1/10"}, [0.013], 5_000)
    assert found.exponents[0] == pytest.approx(math.log1p(float(Fraction(eta))), abs=1e-12)
    assert abs(found.end[0]) <= float(Fraction(eta)) / 10 and found.cycle is None


def test_on_a_cycle_the_multipliers_give_the_exponents() -> None:
    found = lyapunov(PRODUCT, {"eta": "1/2", "rho": 1}, [0.3, 0.2], 5_000)
    assert found.cycle is not None and found.predicted is not None and len(found.cycle) == 2
    np.testing.assert_allclose(found.exponents, found.predicted, atol=1e-10)
    assert "cycle of period 2" in found.verdict()


def test_a_direction_that_is_destroyed_has_exponent_minus_infinity() -> None:
    found = lyapunov(Map(gd, Expression("x**2 + y**2/2")), {"eta": "1/2"}, [1, 2], 512)
    assert found.exponents[0] == pytest.approx(-math.log(2)) and found.exponents[1] == -math.inf
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["exponents"][1] == "-inf"


@pytest.mark.parametrize(
    "map, params, start, kind, step",
    [
        (Map(sam, Expression("w**2/2")), {"eta": "1/2", "rho": "1/4"}, [0.0], "zero gradient", 0),
        # 0.75 → 0.75 − ½·(0.75+0.25) = 0.25 → 0.25 − ½·0.5 = 0, where the gradient vanishes.
        (Map(sam, Expression("w**2/2")), {"eta": "1/2", "rho": "1/4"}, [0.75], "zero gradient", 2),
        (Map(gd, Expression("w**2 + (w-1)*Abs(w-1)")), {"eta": "1/2"}, [1.0], "kink", 0),
        (WELLS, {"eta": 3}, [0.5], "diverged", None),
    ],
)
def test_the_step_at_which_an_orbit_ends_is_named(map: Map, params: Any, start: Any, kind: str, step: Any) -> None:
    found = lyapunov(map, params, start, 1_000, 0)
    assert found.event is not None
    assert found.event.kind == kind
    assert found.event.step == step or (step is None and 0 < found.event.step < 30)
    assert not any(found.converged) and str(found.event.step) in found.verdict()


def test_intervals_of_95_percent_cover_the_truth_about_that_often() -> None:
    hits = 0
    for i in range(60):
        found = lyapunov(HENON, {"eta": 1, "momentum": "-3/10"}, [i / 300 - 0.1], 5_000)
        hits += abs(found.exponents[0] - 0.41922) <= found.half_widths[0]
    assert 51 <= hits <= 60


def test_what_has_not_converged_says_so() -> None:
    assert lyapunov(LOGISTIC, {"eta": 1}, [0.3], 1_000, tolerance=1e-4).converged == (False,)
    found = lyapunov(PRODUCT, {"eta": "1/2", "rho": "1/10"}, [0.3, 2.0], 3_000, 0)
    assert found.event is None and not all(found.converged) and "not converged" in found.verdict()


def test_a_trend_or_a_long_memory_makes_an_interval_unsound() -> None:
    draws, counts = np.random.default_rng(0), np.ones(256)
    noise = draws.standard_normal(256)
    walk = np.empty(256)
    walk[0] = 0.0
    for i in range(1, 256):
        walk[i] = 0.98 * walk[i - 1] + noise[i]
    width, sound = _interval(noise, counts)
    assert sound and width == pytest.approx(2.04 / 16, rel=0.3)
    assert not _interval(walk, counts)[1]
    assert not _interval(noise + np.linspace(0, 3, 256), counts)[1]
    assert not _interval(noise + 2 * (np.arange(256) > 100), counts)[1]


def test_spectra_repeat_bit_for_bit() -> None:
    first, second = (lyapunov(HENON, {"eta": 1, "momentum": "-3/10"}, [0], 3_000, seed=5) for _ in range(2))
    assert first.to_json() == second.to_json()


def test_an_interrupted_spectrum_keeps_the_means_so_far(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls, advance = 0, Carrier.advance

    def stops(self: Carrier, count: int) -> Any:
        nonlocal calls
        calls += 1
        if calls > 100:
            raise KeyboardInterrupt
        return advance(self, count)

    monkeypatch.setattr(Carrier, "advance", stops)
    found = lyapunov(LOGISTIC, {"eta": 1}, [0.3], 25_600)
    assert found.interrupted and 0 < found.total < 25_600 and found.converged == (False,)
    found.save(tmp_path / "spectrum.json")
    assert json.loads((tmp_path / "spectrum.json").read_text())["interrupted"] is True


def test_an_interruption_in_the_first_block_keeps_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    advance = Carrier.advance

    def stops(self: Carrier, count: int) -> Any:
        if self.step > 300:
            raise KeyboardInterrupt
        return advance(self, count)

    monkeypatch.setattr(Carrier, "advance", stops)
    monkeypatch.setattr(_lyapunov, "_PORTION", 100)
    found = lyapunov(LOGISTIC, {"eta": 1}, [0.3], 256 * 1000, 0)
    assert found.interrupted and found.total == 400 and 0.5 < found.exponents[0] < 0.9


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"start": [1.0, 2.0]}, "finite number for each of w"),
        ({"start": [math.nan]}, "finite"),
        ({"start": ["a"]}, "sequence of numbers"),
        ({"steps": 10}, "at least 256"),
        ({"steps": 10**20}, "at most"),
        ({"transient": -1}, "transient"),
        ({"tolerance": 0}, "positive"),
        ({"params": {}}, "eta"),
        ({"map": Map(RULES["scheduled_sam"], Expression("w**2/2"))}, "schedule"),
    ],
)
def test_bad_input_to_lyapunov(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        lyapunov(**{"map": LOGISTIC, "params": {"eta": 1}, "start": [0.3], **changes})


# -- the ends of orbits --------------------------------------------------------------------------------------
@pytest.mark.parametrize("k", range(1, 9))
def test_cycles_of_each_period_are_told(k: int) -> None:
    points = np.random.default_rng(k).standard_normal((k, 2, 3))
    found = ends(np.concatenate([points] * 40)[:33], np.zeros(3, dtype=bool), 1.0, 1e-9, 8)
    assert found.label.tolist() == [SETTLED] * 3 and found.period.tolist() == [k] * 3


def test_slow_alternation_to_a_point_is_no_cycle() -> None:
    t = np.arange(33)
    window = (1 + 2e-9 * (-0.98) ** t)[:, None, None]
    found = ends(window, np.zeros(1, dtype=bool), 1.0, 1e-9, 8)
    assert found.label.tolist() != [SETTLED] or found.period.tolist() == [1]


def test_a_steady_motion_is_a_drift_and_chaos_is_none() -> None:
    t = np.arange(33.0)
    drift = np.stack([1e-4 * t, (-1.0) ** t], axis=1)[:, :, None]
    found = ends(drift, np.zeros(1, dtype=bool), 1.0, 1e-9, 8)
    assert (found.label.tolist(), found.period.tolist()) == ([DRIFTING], [2])
    chaos = np.empty((33, 1, 20_000))
    chaos[0] = np.random.default_rng(0).uniform(size=20_000)
    for i in range(1, 33):
        chaos[i] = 4 * chaos[i - 1] * (1 - chaos[i - 1])
    labels = ends(chaos, np.zeros(20_000, dtype=bool), 1.0, 1e-9, 8).label
    assert np.mean(labels != APERIODIC) < 2e-3


# -- orbit diagrams ------------------------------------------------------------------------------------------
def test_the_diagram_of_sam_on_a_quadratic_is_its_two_cycle_up_to_eta_2() -> None:
    found = orbit_diagram(Map(sam, Expression("w**2/2")), {"rho": "1/10"}, ("eta", "1/10", "5/2", 25), [[0.3], [-2]])
    for eta, labels, periods, points in zip(found.values, found.labels, found.periods, found.points, strict=True):
        if eta < 1.95:
            assert labels.tolist() == [SETTLED] * 2 and periods.tolist() == [2] * 2
            np.testing.assert_allclose(np.abs(points), eta * 0.1 / (2 - eta), rtol=1e-6)
        elif eta > 2.05:
            assert labels.tolist() == [DIVERGED] * 2 and np.isnan(points).all()


def test_the_diagram_of_two_wells_flips_where_it_must() -> None:
    # At w = 1 the curvature is 2: the fixed point flips at η = 1, its 2-cycle at η = (1+√5)/2 − … between 1.2 and 1.24.
    found = orbit_diagram(WELLS, {}, ("eta", "9/10", "13/10", 9), [[0.3], [-0.3]])
    assert [found.ends(i) for i in (0, 3, 5, 8)] == [("converged",), ("period 2",), ("period 2",), ("period 16",)]
    cycle = found.points[3, 0, -2:, 0]
    eta = found.values[3]
    np.testing.assert_allclose(cycle - eta * (cycle**3 - cycle), cycle[::-1], atol=1e-10)
    rows = found.to_table()
    assert rows[0]["orbits end"] == "converged" and sum(int(r["values"]) for r in rows) == 9


def test_orbits_of_a_diagram_do_not_depend_on_the_others() -> None:
    whole = orbit_diagram(WELLS, {}, ("eta", "1/2", 2, 7), [[0.3], [-0.4]], 300, 40)
    alone = orbit_diagram(WELLS, {}, ("eta", whole.values[4], 2, 1), [[-0.4]], 300, 40)
    assert (alone.points[0, 0] == whole.points[4, 1]).all()


def test_an_interrupted_diagram_keeps_whole_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_diagram, "_BATCH", 4)

    def stop(line: str) -> None:
        if line.startswith("8 of"):
            raise KeyboardInterrupt

    found = orbit_diagram(WELLS, {}, ("eta", "1/2", 2, 40), [[0.3]], 100, progress=stop)
    assert found.interrupted and len(found.values) == len(found.points) == 8 and not np.isnan(found.points).any()


def test_a_diagram_is_drawn_with_its_prediction_and_saved(tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    found = orbit_diagram(Map(sam, Expression("w**2/2")), {"rho": "1/10"}, ("eta", "1/10", "5/2", 9), [[0.3]], 200)
    axes = found.plot(predicted=["eta*rho/(2-eta)"])
    dashed = next(line for line in axes.lines if line.get_linestyle() == "--")
    np.testing.assert_allclose(dashed.get_ydata(), found.values * 0.1 / (2 - found.values))
    with pytest.raises(InputError, match="other names"):
        found.plot(predicted=["zeta"])
    with pytest.raises(InputError, match="no coordinate"):
        found.plot(coordinate="x")
    found.save(tmp_path / "diagram.json")
    assert json.loads((tmp_path / "diagram.json").read_text())["points"][-1] == [None]


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"vary": ("rho", 0, 1, 5)}, "no parameter 'rho'"),
        ({"vary": ("eta", 0, 1, 5)}, "eta is 0"),
        ({"vary": ("eta", 1, 2, 0)}, "number of values"),
        ({"vary": ("eta", 1, 2)}, "vary is"),
        ({"params": {"eta": 1}}, "varies"),
        ({"starts": []}, "at least one start"),
        ({"keep": 0}, "keep"),
        ({"keep": 10**11}, "fewer"),
        ({"longest": 10**9}, "fewer"),
        ({"vary": ("eta", 1, 2, 10**12)}, "fewer"),
        ({"tolerance": -1}, "positive"),
    ],
)
def test_bad_input_to_orbit_diagram(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        orbit_diagram(**{"map": WELLS, "params": {}, "vary": ("eta", 1, 2, 3), "starts": [[0.3]], **changes})


# -- basins --------------------------------------------------------------------------------------------------
def test_basins_of_two_wells_end_where_an_orbit_crosses_the_maximum_or_escapes() -> None:
    # w⁺ = w(1+η−ηw²): the sign is kept for |w| < √(1+1/η), and |w| grows for ever beyond √(1+2/η).
    found = basins(WELLS, {"eta": "1/2"}, {"w": (-3, 3)}, 600)
    w = found.axes["w"]
    left, right = (next(i for i, b in enumerate(found.basins) if abs(b.points[0, 0] - s) < 1e-6) for s in (-1, 1))
    inner, outer = np.abs(w) < math.sqrt(3), np.abs(w) > math.sqrt(5)
    assert (found.labels[inner] == np.where(w[inner] < 0, left, right)).all()
    assert (found.labels[outer] == -1).all() and (found.labels[~outer] >= 0).all()
    assert {b.stability for b in found.attractors} == {"stable"} and len(found.basins) == 2


def test_a_manifold_of_minima_is_one_label_for_each_of_its_branches() -> None:
    found = basins(Map(gd, Expression("(x*y-1)**2/2")), {"eta": "1/4"}, {"x": (-3, 3), "y": (-3, 3)}, 40)
    continua = [b for b in found.basins if b.kind == "continuum"]
    assert len(continua) == 2 and {(b.dimension, b.stability) for b in continua} == {(1, "stable")}
    for b in continua:
        np.testing.assert_allclose(b.points[:, 0] * b.points[:, 1], 1, atol=1e-6)
        assert len(set(np.sign(b.points[:, 0]))) == 1
    rest = [b for b in found.basins if b.kind != "continuum"]
    # Starts on x = −y lie on the stable manifold of the saddle at the origin.
    assert [(b.kind, b.stability) for b in rest] == [("fixed point", "unstable")]
    i = found.basins.index(rest[0])
    assert (np.argwhere(found.labels == i).sum(axis=1) == 39).all()


def test_the_cross_of_minima_of_a_product_is_one_continuum() -> None:
    map, params = Map(usam, Expression("log(cosh(x*y))")), {"eta": "1/4", "rho": "1/10"}
    found = basins(map, params, {"x": (-3, 3), "y": (-3, 3)}, 30)
    assert found.basins[0].kind == "continuum" and found.basins[0].dimension == 1 and found.basins[0].share > 0.9
    assert np.abs(found.basins[0].points.prod(axis=1)).max() < 1e-6
    assert {b.kind for b in found.basins[1:]} <= {"drifting"}


def test_below_k_c_collapse_and_balanced_cycles_coexist_and_above_it_collapse_is_gone() -> None:
    box = {"x": ("-3/2", "3/2"), "y": ("-3/2", "3/2")}
    for eta, collapses in ((Fraction(1, 5), True), (Fraction(29, 100), True), (Fraction(31, 100), False)):
        found = basins(PRODUCT, {"eta": eta, "rho": 1}, box, 24, 4_000)  # k = η
        # r of the balanced cycle w = ±r, w = √2·x: 2r = η(r+ρ)ℓ'((r+ρ)²/2); a multiplier is (3r−ρ)/(r+ρ).
        r = brentq(lambda r, h: 2 * r - h * (r + 1) * math.tanh((r + 1) ** 2 / 2), 1e-3, 1, args=(float(eta),))
        points = [b for b in found.basins if b.kind == "fixed point"]
        cycles = [b for b in found.basins if b.kind == "cycle"]
        assert len(points) + len(cycles) == len(found.basins) and len(cycles) == 2
        for b in cycles:
            np.testing.assert_allclose(np.abs(b.points), r / math.sqrt(2), atol=1e-6)
            assert b.stability == "stable" and b.multipliers is not None
            z, slope = (r + 1) ** 2 / 2, math.tanh((r + 1) ** 2 / 2)
            across = (3 * r - 1) / (r + 1)
            along = 1 - float(eta) * (slope + 2 * z * (1 - slope**2))
            np.testing.assert_allclose(np.sort(b.multipliers.real), np.sort([across**2, along**2]), atol=1e-6)
        assert len(points) == collapses
        for b in points:
            assert np.abs(b.points).max() < 1e-6 and b.stability == "no derivative" and 0.05 < b.share < 0.95


def test_sam_before_its_end_drifts_along_the_minima_near_period_2() -> None:
    # y ≫ x, ρ: A7's drift of y is −ηρ²·(…)·y per step or slower; here it is only asked that there is one, and where.
    found = basins(PRODUCT, {"eta": "1/4", "rho": "1/20"}, {"x": ("1/10", 1), "y": (1, 2)}, 6, 400)
    assert [(b.kind, b.period, b.along_minima) for b in found.basins] == [("drifting", 2, True)]
    assert 1e-6 < found.basins[0].speed < 1e-2 and "along a manifold of minima" in found.to_table()[0]["end"]
    # A slow approach to an isolated degenerate minimum drifts too, but along no manifold.
    found = basins(Map(gd, Expression("x**4 + y**2")), {"eta": "1/4"}, {"x": (1, 2), "y": (1, 2)}, 3, 2_000)
    assert [(b.kind, b.along_minima) for b in found.basins] == [("drifting", False)]
    # A linear loss has no minima.
    found = basins(Map(gd, Expression("x")), {"eta": "1/2"}, {"x": (-1, 1)}, 4, 100)
    assert [(b.kind, b.speed, b.along_minima) for b in found.basins] == [("drifting", 0.5, False)]


def test_sam_is_trapped_within_rho_of_a_maximum() -> None:
    # w⁺ = (1+η)w − ηρ sgn w: |w| = ρ is fixed and repels, |w| < ρ ends in [−ηρ, ηρ] and |w| > ρ at infinity.
    found = basins(Map(sam, Expression("-w**2/2")), {"eta": "1/2", "rho": "1/10"}, {"w": ("-1/5", "1/5")}, 400, 600)
    assert [b.kind for b in found.basins] == ["aperiodic"]
    assert (found.labels == np.where(np.abs(found.axes["w"]) < 0.1, 0, -1)).all()
    assert 0.045 < np.abs(found.basins[0].points).max() <= 0.05


def test_the_henon_attractor_is_one_set_and_the_rest_diverges() -> None:
    found = basins(HENON, {"eta": 1, "momentum": "-3/10"}, {"w": (-2, 2), "v_w": (-2, 2)}, 24, 600)
    assert [b.kind for b in found.basins] == ["aperiodic"] and found.basins[0].share + found.diverged == 1
    assert 0.4 < found.basins[0].share < 0.7
    assert 1.2 < found.basins[0].points[:, 0].max() < 1.3


def test_two_chaotic_bands_are_two_sets() -> None:
    found = basins(WELLS, {"eta": "27/20"}, {"w": (-1, 1)}, 40, 600)
    assert [b.kind for b in found.basins] == ["aperiodic"] * 2
    assert [np.sign(b.points).mean() for b in found.basins] in ([1, -1], [-1, 1])


def test_labels_do_not_depend_on_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    ask: Any = (PRODUCT, {"eta": "1/5", "rho": 1}, {"x": (-1, 1), "y": (-1, 1)}, 12)
    whole = basins(*ask)
    monkeypatch.setattr(_basin, "_BATCH", 7)
    parts = basins(*ask)
    assert (whole.labels == parts.labels).all() and whole.to_table() == parts.to_table()


def test_interrupted_basins_keep_the_starts_that_were_followed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(_basin, "_BATCH", 30)

    def stop(line: str) -> None:
        raise KeyboardInterrupt

    found = basins(WELLS, {"eta": "1/2"}, {"w": (-1, 1)}, 100, progress=stop)
    assert found.interrupted and (found.labels[:30] == 0).all() and (found.labels[30:] == -2).all()
    assert found.to_table()[-1]["end"] == "not followed"
    found.save(tmp_path / "basins.json")
    assert json.loads((tmp_path / "basins.json").read_text())["interrupted"] is True


def test_a_slice_through_more_dimensions_and_single_starts() -> None:
    found = basins(Map(gd, Expression("x**2 + y**2/2 + z**2/4")), {"eta": "1/2"}, {"x": (1, 2), "y": "1/3", "z": -1}, 1)
    assert found.labels.tolist() == [0] and found.fixed == {"y": pytest.approx(1 / 3), "z": -1.0}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"box": {"x": (0, 1)}}, "no coordinate 'x'"),
        ({"box": {"w": 1}}, "give a pair"),
        ({"box": {"w": (1, 1)}}, "single point"),
        ({"box": {}}, "no 'w'"),
        ({"resolution": (3, 4)}, "2 numbers for 1"),
        ({"resolution": 0}, "resolution"),
        ({"resolution": 10**10}, "starts"),
        ({"box": {"w": (-(10**308), 10**308)}}, "wider than any float"),
        ({"steps": 0}, "steps"),
        ({"longest": 65}, "up to 64"),
        ({"tolerance": 2.0}, "between 0 and 1"),
    ],
)
def test_bad_input_to_basins(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        basins(**{"map": WELLS, "params": {"eta": 1}, "box": {"w": (-1, 1)}, **changes})


# -- the command line ----------------------------------------------------------------------------------------
def test_the_commands_print_write_and_draw(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    words = "--rule gd --loss w**4/4-w**2/2".split()
    outcome = run("lyapunov", *words, *"--eta 1/2 --init 0.3 --steps 600 --json - --plot".split(), str(picture))
    assert (outcome.exit_code, picture.stat().st_size > 1000) == (0, True)
    assert json.loads(outcome.stdout)["verdict"].startswith("the orbit ended on a cycle of period 1")
    picture.unlink()
    outcome = run("basin", *words, *"--eta 1/2 --box w=-3:3 --resolution 60 --plot".split(), str(picture))
    assert (outcome.exit_code, picture.is_file()) == (0, True)
    assert "36.6667%  fixed point (-1)" in outcome.stdout and "26.6667%  diverged" in outcome.stdout
    picture.unlink()
    arguments = "--vary eta=1/2:21/10 --values 20 --init 0.3 --predict 1 --plot".split()
    outcome = run("diagram", *words, *arguments, str(picture))
    assert (outcome.exit_code, picture.is_file()) == (0, True)
    assert "converged" in outcome.stdout and "diverged" in outcome.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        "lyapunov --rule gd --loss w**2/2 --eta 1 --init 1,2",
        "lyapunov --rule gd --loss w**2/2 --eta 1 --init a",
        "lyapunov --rule gd --loss w**2/2 --eta 1 --init 1 --predict 0",
        "lyapunov --rule gd --loss w**2/2 --eta 1 --init 1 --plot a.png --predict x",
        "basin --rule gd --loss w**2/2 --eta 1 --box w=1",
        "basin --rule gd --loss w**2/2 --eta 1 --box w",
        "basin --rule gd --loss w**2/2 --eta 1 --box w=-1:1 --resolution a",
        "diagram --rule gd --loss w**2/2 --vary eta=1 --init 1",
        "diagram --rule gd --loss w**2/2 --vary eta=1:2 --init 1 --predict eta",
        "diagram --rule gd --loss w**2/2 --eta 1 --vary eta=1:2 --init 1",
    ],
)
def test_bad_words_are_one_line_and_status_2(arguments: str) -> None:
    outcome = run(*arguments.split())
    assert outcome.exit_code == 2 and outcome.stderr.startswith("sam-theory: error: ")
    assert len(outcome.stderr.splitlines()) == 1


def test_interruptions_leave_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(self: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(_attractor.Flock, "step", stop)
    outcome = run(*"basin --rule gd --loss w**2/2 --eta 1 --box w=-1:1 --resolution 5".split())
    assert outcome.exit_code == 130 and "not followed" in outcome.stdout
