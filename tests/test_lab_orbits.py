"""Periodic orbits: on maps whose orbits are known none is missed, and nothing is listed that is none."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import brentq

from sam_theory.cli import main
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab import PeriodicOrbits, at, find_orbits
from sam_theory.lab._at import search_box
from sam_theory.lab._cover import cover
from sam_theory.losses import Expression, Quadratic
from sam_theory.rules import RULES, gd_flow

#: A step of gradient descent with η = 1 on this loss is the logistic map 4x(1 − x).
LOGISTIC = "4*x**3/3 - 3*x**2/2"
DOUBLE_WELL = "x**4/4 - x**2/2"


def _search(rule: str, loss: str, params: dict[str, Any], **options: Any) -> PeriodicOrbits:
    return find_orbits(Map(RULES[rule], Expression(loss)), params, **options)


def _kinds(found: PeriodicOrbits) -> list[str]:
    return [o.kind for o in found]


def _points(found: PeriodicOrbits, period: int) -> list[float]:
    return sorted(float(p[0]) for o in found if o.period == period for p in o.points)


def test_sam_on_a_quadratic_has_its_minimum_and_one_cycle_in_closed_form() -> None:
    found = find_orbits(Map(RULES["sam"], Quadratic(1)), {"eta": "1/2", "rho": "3/10"}, {"w1": (-3, 3)}, cells=2000)
    assert [(o.period, o.kind, o.stability, o.mirror) for o in found] == [
        (1, "minimum", "jump", 0),
        (2, "cycle", "stable", 1),
    ]
    assert found[1].formula == ("-1/10", "1/10")
    assert found[1].points.ravel() == pytest.approx([-0.1, 0.1], abs=1e-15)
    assert found[1].multipliers == pytest.approx([0.25])
    assert all(o.certified for o in found)
    assert found.uncovered is not None and 0 < found.uncovered < 1e-4  # only about the jump at 0


def test_usam_on_a_quadratic_has_only_its_minimum_and_that_is_proved() -> None:
    found = _search("usam", "3*x**2/2", {"eta": "1/4", "rho": "1/2"}, box={"x": (-5, 5)}, cells=100, periods=(1, 2, 3))
    assert [(o.period, o.kind, o.stability) for o in found] == [(1, "minimum", "stable")]
    assert found[0].multipliers == pytest.approx([1 - 0.25 * 3 * (1 + 0.5 * 3)])
    assert found.coverage() == "proved: the box holds no other orbit of these periods"


def test_every_orbit_of_the_logistic_map_up_to_period_4() -> None:
    found = _search("gd", LOGISTIC, {"eta": 1}, box={"x": ("-1/10", "11/10")}, periods=(1, 2, 3, 4), cells=2000)
    for period, number in {1: 2, 2: 1, 3: 2, 4: 3}.items():
        orbits = [o for o in found if o.period == period]
        assert len(orbits) == number
        for o in orbits:
            expected = 4.0 if abs(o.points[0, 0]) < 1e-9 else 2.0**period
            assert o.multipliers is not None
            assert abs(o.multipliers[0]) == pytest.approx(expected, rel=1e-9)
    # x = sin²(θ/2) with 2θ = ±θ mod 2π after the period
    known = {round(math.sin(math.pi * j / m) ** 2, 12) for m in (7, 9) for j in range(1, m) if 3 * j % m}
    assert _points(found, 3) == pytest.approx(sorted(known), abs=1e-11)
    assert found.unresolved == ()


def test_all_27_points_of_period_3_of_a_cubic_map() -> None:
    found = _search("gd", DOUBLE_WELL, {"eta": "27/10"}, box={"x": (-3, 3)}, periods=(1, 2, 3), cells=20_000)
    assert [sum(o.period == k for o in found) for k in (1, 2, 3)] == [3, 3, 8]
    assert found.unresolved == ()
    assert [o.kind for o in found if o.period == 1] == ["minimum", "maximum", "minimum"]
    assert _points(found, 2)[0] == pytest.approx(-math.sqrt(141) / 9)
    for number, o in enumerate(found):
        assert o.mirror is not None
        assert found[o.mirror].mirror == number


def test_hallucinated_fixed_points_are_told_from_minima() -> None:
    found = _search("sam", DOUBLE_WELL, {"eta": "1/2", "rho": "1/4"}, box={"x": (-3, 3)}, periods=(1,))
    kinds = {round(float(o.points[0, 0]), 9): (o.kind, o.stability) for o in found}
    # The ascent point of ±ρ is the maximum 0.
    assert kinds == {
        -1.0: ("minimum", "jump"),
        -0.25: ("hallucinated", "unstable"),
        0.0: ("maximum", "jump"),
        0.25: ("hallucinated", "unstable"),
        1.0: ("minimum", "jump"),
    }


def test_sam_on_two_curvatures_has_a_cycle_on_each_axis() -> None:
    eta, rho, curvatures = 0.2, 0.1, (1.0, 4.0)
    found = _search("sam", "x**2/2 + 2*y**2", {"eta": "1/5", "rho": "1/10"}, box={"x": (-1, 1), "y": (-1, 1)})
    cycles = [o for o in found if o.period == 2]
    assert len(cycles) == 2
    for o, own, other in zip(cycles, curvatures, reversed(curvatures), strict=True):
        radius = eta * own * rho / (2 - eta * own)
        across = 1 - eta * other * (1 + other * rho / (own * radius))
        assert np.abs(o.points).max() == pytest.approx(radius, rel=1e-10)
        assert o.multipliers is not None
        assert sorted(o.multipliers.real) == pytest.approx(sorted([(1 - eta * own) ** 2, across**2]), rel=1e-9)


def test_the_henon_map_is_heavy_ball_on_a_cubic() -> None:
    # x⁺ = x + v⁺, v⁺ = μv − ηL'(x): with L' = (ax² + (1 − b)x − 1)/η this is Hénon's map of a = 1.4, b = −μ = 0.3.
    a, b = 1.4, 0.3
    loss = "7*x**3/15 + 7*x**2/20 - x"
    found = _search(
        "heavy_ball",
        loss,
        {"eta": 1, "momentum": "-3/10"},
        box={"x": (-2, 2), "v_x": (-4, 4)},
        periods=(1, 2),
        cells=20_000,
    )
    fixed = sorted((-(1 - b) + s * math.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a) for s in (-1, 1))
    assert _points(found, 1) == pytest.approx(fixed, abs=1e-12)
    # the 2-cycle: a²x² − a(1 − b)x + (1 − b)² − a = 0
    two = sorted(
        (a * (1 - b) + s * math.sqrt(a**2 * (1 - b) ** 2 - 4 * a**2 * ((1 - b) ** 2 - a))) / (2 * a**2) for s in (-1, 1)
    )
    assert _points(found, 2) == pytest.approx(two, abs=1e-12)
    assert all(o.stability == "unstable" for o in found)
    assert found.unresolved == ()


def test_balanced_cycles_of_a_product_and_their_images_under_its_symmetries() -> None:
    box = {"x": (-3, 3), "y": (-3, 3)}
    found = _search("sam", "log(cosh(x*y))", {"eta": "27/20", "rho": "7/10"}, box=box)
    assert [(o.kind, o.dimension) for o in found if o.period == 1] == [("minimum", 1), ("degenerate", 0)]
    # on y = x:  2r = η (ρ/√2 − r) tanh((ρ/√2 − r)²)  or the same beyond the saddle, with u = ρ/√2 + r
    k, eta = 0.7 / math.sqrt(2), 1.35

    def residual(x: float) -> float:
        u = x + math.copysign(k, x * math.tanh(x * x))
        return 2 * x - eta * u * math.tanh(u * u)

    grid = np.linspace(0.01, 3, 600)
    balanced = [brentq(residual, p, q) for p, q in pairwise(grid) if residual(p) * residual(q) < 0]
    cycles = [o for o in found if o.period == 2]
    on_diagonal = sorted(
        {round(abs(o.points[0, 0]), 9) for o in cycles if abs(abs(o.points[0, 0] / o.points[0, 1]) - 1) < 1e-9}
    )
    assert on_diagonal == pytest.approx(sorted(balanced), abs=1e-8)
    assert all(o.certified is not None for o in cycles)
    every = {tuple(np.round(p, 7)) for o in cycles for p in o.points}
    assert all((s * x, t * y) in every and (s * y, t * x) in every for x, y in every for s in (-1, 1) for t in (-1, 1))


def test_balanced_cycles_of_usam_on_half_a_square_of_a_product() -> None:
    found = _search("usam", "(x*y)**2/2", {"eta": "1/5", "rho": "1/10"}, box={"x": (-3, 3), "y": (-3, 3)})
    x = brentq(lambda x: 0.2 * x * x * (1 + 0.1 * x * x) ** 3 - 2, 0.1, 3)
    cycles = [o for o in found if o.period == 2]
    assert sorted({float(np.round(abs(p), 9)) for o in cycles for p in o.points.ravel()}) == [
        pytest.approx(x, abs=1e-8)
    ]
    assert len(cycles) == 2
    assert ("minimum", 1, "stable") in {(o.kind, o.dimension, o.stability) for o in found}


def test_a_continuum_of_cycles_is_one_entry() -> None:
    found = _search("gd", "x**2", {"eta": 1}, box={"x": (-1, 1)})
    assert [(o.period, o.kind, o.stability, o.dimension) for o in found] == [
        (1, "minimum", "neutral", 0),
        (2, "cycle", "neutral", 1),
    ]
    assert found.unresolved is None


def test_a_saddle_is_a_saddle() -> None:
    found = _search("gd", "x**2/2 - y**2/2 + y**4/4", {"eta": "1/2"}, box={"x": (-1, 1), "y": (-2, 2)}, cells=5000)
    assert [(o.kind, o.stability) for o in found] == [
        ("minimum", "stable"),
        ("saddle", "unstable"),
        ("minimum", "stable"),
    ]
    assert found.unresolved == ()


def test_results_repeat_and_are_saved_whole(tmp_path: Path) -> None:
    runs = [_search("gd", LOGISTIC, {"eta": 1}, box={"x": (-1, 2)}, seed=3) for _ in range(2)]
    assert runs[0].to_json() == runs[1].to_json()
    runs[0].save(tmp_path / "orbits.json")
    saved = json.loads((tmp_path / "orbits.json").read_text())
    assert saved["orbits"][0]["points"] == [[float(runs[0][0].points[0, 0])]]
    with pytest.raises(InputError, match="cannot write"):
        runs[0].save(tmp_path / "nowhere" / "orbits.json")


def test_an_interruption_keeps_what_was_found() -> None:
    def stop(line: str) -> None:
        if line.startswith("period 1"):
            raise KeyboardInterrupt

    found = _search("gd", LOGISTIC, {"eta": 1}, box={"x": (-1, 2)}, progress=stop)
    assert found.interrupted
    assert [o.period for o in found] == [1, 1]
    assert "may lack" in found.coverage()


def test_parameters_are_exact() -> None:
    here = at(Map(RULES["sam"], Quadratic(1)), {"eta": "1/3", "rho": 0.5})
    assert here.values == {"eta": Fraction(1, 3), "rho": Fraction(1, 2)}


def test_a_velocity_is_no_map() -> None:
    with pytest.raises(InputError, match="velocity"):
        at(Map(gd_flow, Expression("x**2")), {})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"params": {"eta": 1}}, "rho"),
        ({"params": {"eta": -1, "rho": 1}}, "eta"),
        ({"params": {"eta": math.nan, "rho": 1}}, "eta"),
        ({"box": {"x": (-1, 1), "z": (0, 1)}}, "no coordinate 'z'"),
        ({"box": {}}, "no side 'x'"),
        ({"box": {"x": (1, 1)}}, "single point"),
        ({"periods": ()}, "positive integers"),
        ({"periods": (0,)}, "positive integers"),
        ({"starts": 0}, "starts"),
    ],
)
def test_bad_input_is_refused(changed: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"params": {"eta": 1, "rho": 1}, "box": {"x": (-1, 1)}, **changed}
    with pytest.raises(InputError, match=message):
        find_orbits(Map(RULES["sam"], Expression("x**2")), **given)


def test_the_command_prints_a_table_and_writes_what_it_found(tmp_path: Path) -> None:
    line = "orbits --loss x**2/2 --rule sam --eta 1 --rho 1/2 --box x=-3:3 --json".split()
    picture = tmp_path / "orbits.svg"
    outcome = CliRunner().invoke(main, [*line, "-", "--plot", str(picture)])
    assert outcome.exit_code == 0
    assert [o["points"] for o in json.loads(outcome.stdout)["orbits"]] == [[[0.0]], [[-0.5], [0.5]]]
    assert picture.read_text().rstrip().endswith("</svg>")
    outcome = CliRunner().invoke(main, line[:-1])
    assert "-1/2 -> 1/2" in outcome.stdout
    assert "# 2 orbits" in outcome.stdout


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ("--box x=1", "--box: 'x=1'"),
        ("--box x=0:1 --box x=0:2", "once"),
        ("--box x=0:1 --periods two", "whole numbers"),
        ("--box x=0:1 --set mu=1", "unknown parameter"),
        ("--box x=0:1 --plot pictures.abc", "cannot draw"),
        ("--box x=0:1e400", "not finite"),
    ],
)
def test_the_command_says_what_is_wrong(
    extra: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = "orbits --loss x**2/2 --rule sam --eta 1 --rho 1/2 --starts 4"
    outcome = CliRunner().invoke(main, [*line.split(), *extra.split()])
    assert outcome.exit_code == 2
    assert message in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_orbit_that_is_not_listed_stays_in_an_unresolved_box() -> None:
    here = at(Map(RULES["gd"], Expression("x**2/2 - x**3/3")), {"eta": "1/2"})
    region = search_box(here, {"x": ("-1/3", 2)})
    assert cover(here, region, 1, (), 5000, lambda cycle: True) == ()
    left = cover(here, region, 1, (), 5000, lambda cycle: False)
    assert all(any(low <= x <= high for low, high in (b["x"] for b in left)) for x in (0, 1))


@pytest.mark.parametrize(("high", "fixed"), [("3e12", ()), (3, (0.0,)), ("3e-7", (0.0,))])
def test_the_size_of_the_box_invents_no_orbit(high: Any, fixed: tuple[float, ...]) -> None:
    found = _search("sam", "x**2/2", {"eta": 1, "rho": "1/2"}, box={"x": (-3, high)}, periods=(1,), cells=200)
    assert tuple(o.points[0][0] for o in found) == fixed and found.unresolved


def test_a_loss_with_a_domain_or_an_overflow_is_searched() -> None:
    assert _kinds(_search("gd", "x - log(x)", {"eta": "1/2"}, box={"x": (-1, 3)}, periods=(1,))) == ["minimum"]
    assert _kinds(_search("gd", "exp(x) - x", {"eta": "1/2"}, box={"x": (-2000, 2000)}, periods=(1,))) == ["minimum"]
    assert not _search("gd", "sqrt(x)", {"eta": "1/2"}, box={"x": (-3, -1)}, periods=(1,))


@pytest.mark.parametrize("side", [("-1e308", "1e308"), (0, 10**400), (1, "1.00000000000000000000001")])
def test_a_box_that_floats_cannot_hold_is_refused(side: Any) -> None:
    with pytest.raises(InputError, match="wide"):
        _search("gd", "x**2/2", {"eta": 1}, box={"x": side})


def test_small_cycles_beside_a_degenerate_minimum_are_found() -> None:
    found = _search("sam", "x**4 + y**4", {"eta": "1/10", "rho": "1/5"}, box={"x": (-3, 3), "y": (-3, 3)})
    least = min(float(np.linalg.norm(o.points[0])) for o in found if o.period == 2)
    assert least == pytest.approx(brentq(lambda r: r - (r + 0.2) ** 3 / 10, 0, 0.1, xtol=1e-14), abs=1e-12)


def test_continua_of_stable_and_of_unstable_cycles_are_two() -> None:
    found = _search("sam", "(x**2 + y**2 - 1)**2/4", {"eta": "1/2", "rho": "1/10"}, box={"x": (-2, 2), "y": (-2, 2)})
    cycles = [o for o in found if o.period == 2]
    assert sorted(o.stability for o in cycles) == ["stable", "unstable"] and all(o.dimension == 1 for o in cycles)
    inner, outer = np.sort(np.linalg.norm(next(o for o in cycles if o.stability == "stable").points, axis=1))
    slopes = [((r + s) ** 2 - 1) * (r + s) / 2 for r, s in ((outer, 0.1), (inner, -0.1))]
    assert slopes == pytest.approx([outer - inner, inner - outer], abs=1e-9)


def test_a_continuum_without_a_direction_across_is_neutral() -> None:
    (found,) = _search("gd", "x**2/2", {"eta": 2}, box={"x": (-1, 1)}, periods=(2,))
    assert (found.dimension, found.stability) == (1, "neutral")


def test_a_proof_that_ran_out_of_cells_says_so() -> None:
    found = _search("gd", DOUBLE_WELL, {"eta": "27/10"}, box={"x": (-3, 3)}, periods=(1,), cells=5)
    assert found.unresolved and found.coverage().endswith("which more cells would divide further")
