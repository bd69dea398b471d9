"""Continuation: every located point against its closed form, every coefficient against an independent one."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from math import cos, pi, sqrt, tanh
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_tools import run

from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.lab import Branch, SpecialPoint, at, continue_orbit, continue_orbits
from sam_theory.lab._coefficients import Forms, flip, neimark_sacker
from sam_theory.losses import Expression, Product, Quadratic, log_cosh
from sam_theory.rules import gd, rule, sam, usam

TIGHT = 1e-10


@rule
def delayed(space: Any, w: Any, v: Any, *, eta: Any) -> dict[str, Any]:
    """Gradient descent with the gradient of the step before."""
    return {"w": w - eta * space.grad(v), "v": w}


def line(text: str) -> Expression:
    """A loss of x alone; other symbols are its parameters."""
    return Expression(text, ["x"])


def only(branch: Branch, kind: str) -> list[SpecialPoint]:
    return [s for s in branch.special if s.kind == kind]


# -- flips ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("sign", "form"), [("-", "supercritical"), ("+", "subcritical")])
def test_the_flip_of_usam_lies_at_2_over_1_plus_rho_and_has_the_coefficient_of_its_cubic(sign: str, form: str) -> None:
    branch = continue_orbit(Map(usam, line(f"x**2/2 {sign} x**4/4")), {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/10", 3))
    (point,) = branch.special
    eta, b = 2 / 1.5, 1.0 if sign == "+" else -1.0
    assert point.kind == "flip"
    assert abs(point.parameter - eta) < TIGHT
    assert point.uncertainty < TIGHT
    # x − η(u + b u³), u = (1+ρ)x + ρb x³
    assert point.coefficient == pytest.approx(-b * eta * (0.5 + 1.5**3), rel=1e-12)
    assert point.type == form
    assert branch.ends == ("left the span", "left the span")
    assert branch.stable[0] and not branch.stable[-1]


def test_what_branches_off_at_a_supercritical_flip_is_stable_and_ends_there() -> None:
    fixed = continue_orbit(Map(usam, line("x**2/2 - x**4/4")), {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/10", 2))
    cycle = fixed.switch(0)
    assert cycle.period == 2
    assert cycle.ends == ("period halving", "left the span")
    met = cycle.special[0]
    assert met.kind == "period halving"
    assert abs(met.parameter - 4 / 3) < TIGHT
    assert cycle.parameters.min() >= 4 / 3 - TIGHT
    assert cycle.stable[3:].all()
    assert np.abs(cycle.orbits[:, 0] + cycle.orbits[:, 1]).max() < 1e-10
    repelling = continue_orbit(Map(usam, line("x**2/2 + x**4/4")), {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/2", 2))
    other = repelling.switch(0)
    assert other.parameters.max() <= 4 / 3 + TIGHT
    assert not other.stable.any()


def test_the_quadratic_term_enters_the_flip_by_its_square() -> None:
    # GD on x²/2 + x³/3 + b x⁴/4 at η = 2: x ↦ −x − 2x² − 2b x³, c = (F''/2)² + F'''/6 = 4 − 2b.
    for b in ("1", "3"):
        branch = continue_orbit(Map(gd, line(f"x**2/2 + x**3/3 + {b}*x**4/4")), {}, {"x": 0}, 1, "eta", (1, 3))
        (point,) = only(branch, "flip")
        assert point.parameter == pytest.approx(2, abs=TIGHT)
        assert point.coefficient == pytest.approx(4 - 2 * float(b), rel=1e-12)
        assert point.type == ("supercritical" if b == "1" else "subcritical")


@pytest.mark.parametrize(("span", "start"), [(("1/2", 2), "4/3"), (("4/3", 2), "4/3"), (("1/2", "4/3"), "1/2")])
def test_a_flip_at_the_start_or_the_end_of_a_branch_is_found_once(span: Any, start: str) -> None:
    here = Map(usam, line("x**2/2 - x**4/4"))
    branch = continue_orbit(here, {"rho": "1/2"}, {"x": 0}, 1, "eta", span, at=start)
    (point,) = branch.special
    assert (point.kind, point.type) == ("flip", "supercritical")
    assert abs(point.parameter - 4 / 3) < TIGHT
    assert point.uncertainty < TIGHT


def test_equal_eigenvalues_flip_together_and_are_not_missed() -> None:
    branch = continue_orbit(Map(usam, Quadratic(1, 1)), {"rho": "1/2"}, {"w1": 0, "w2": 0}, 1, "eta", ("1/10", 3))
    (point,) = branch.special
    assert (point.kind, point.type) == ("flip", "-")
    assert "2 multipliers" in point.detail
    assert abs(point.parameter - 4 / 3) < TIGHT


# -- F1: the ε of implementations ----------------------------------------------------------------------------
@pytest.mark.parametrize(("eta", "rho", "lam"), [("1", "1/10", "1"), ("1/2", "3/10", "2")])
def test_the_minimiser_of_a_quadratic_flips_at_eps_star_though_the_map_has_a_kink(eta: str, rho: str, lam: str) -> None:
    e, r, a = (float(Fraction(v)) for v in (eta, rho, lam))
    star = e * a**2 * r / (2 - e * a)
    given = {"eta": eta, "rho": rho, "lam": lam}
    here = Map(sam.free("eps"), line("lam*x**2/2"))
    fixed = continue_orbit(here, given, {"x": 0}, 1, "eps", (star / 10, star * 3))
    (point,) = fixed.special
    assert point.kind == "flip"
    assert abs(point.parameter - star) < TIGHT
    assert point.type == "supercritical"
    assert "kink" in point.detail
    # −ηλ·ρλ·x(1 − λ|x|/ε)/ε
    assert point.coefficient == pytest.approx(e * a**3 * r / star**2, rel=1e-12)
    for cycle in (
        fixed.switch(0),
        continue_orbit(here, given, {"x": star / a * 0.9}, 2, "eps", (star / 10, star * 3)),
    ):
        assert sorted(cycle.ends) == ["left the span", "period halving"]
        (met,) = only(cycle, "period halving")
        assert abs(met.parameter - star) < TIGHT
        radius = np.abs(cycle.orbits[:, 0, 0])
        assert np.abs(radius - (star - cycle.parameters) / a).max() < 1e-12
        inner = cycle.parameters < star * (1 - 1e-9)
        slope = (e * a - 1 + (2 - e * a) * cycle.parameters / star) ** 2
        assert cycle.multipliers[inner, 0].real == pytest.approx(slope[inner], abs=1e-10)
        assert cycle.stable[inner].all()


# -- folds, loops --------------------------------------------------------------------------------------------
def test_the_fold_of_sam_two_cycles_on_a_quartic() -> None:
    # 2r = η(r+ρ)³ and 2 = 3η(r+ρ)²: r = ρ/2, η = 8/(27ρ²).
    here, rho = Map(sam, line("x**4/4")), Fraction(1)
    branch = continue_orbit(here, {"rho": rho}, {"x": "1/5"}, 2, "eta", ("1/10", 1), at="1/5")
    (point,) = branch.special
    assert (point.kind, point.type) == ("fold", "opens below")
    assert abs(point.parameter - 8 / 27) < TIGHT
    assert abs(point.points[0, 0]) == pytest.approx(0.5, abs=TIGHT)
    assert branch.ends == ("left the span", "left the span")
    assert branch.parameters[[0, -1]] == pytest.approx([0.1, 0.1], abs=0)
    assert list(np.diff(branch.stable.astype(int)).nonzero()[0]) == [point.index]
    r = np.abs(branch.orbits[:, 0, 0])
    assert 2 * r == pytest.approx(branch.parameters * (r + 1) ** 3, rel=1e-11)


def test_a_span_of_six_decades_down_to_where_the_orbit_is_tiny() -> None:
    # 2r = η(r+ρ)(1/5 + 4(r+ρ)²): the one fold is that of η(r).
    here = Map(sam, line("x**2/10 + x**4"))
    branch = continue_orbit(here, {"rho": 1}, {"x": "1/10"}, 2, "eta", ("1/100000", 10), at="1/28")
    r = np.abs(branch.orbits[:, 0, 0])
    assert 2 * r == pytest.approx(branch.parameters * (r + 1) * (0.2 + 4 * (r + 1) ** 2), rel=1e-9)
    (point,) = branch.special
    assert point.kind == "fold"
    # d ln η/dr = 1/r − 1/(r+ρ) − 8(r+ρ)/(1/5 + 4(r+ρ)²)
    r_fold = abs(point.points[0, 0])
    assert 1 / r_fold - 1 / (r_fold + 1) == pytest.approx(8 * (r_fold + 1) / (0.2 + 4 * (r_fold + 1) ** 2), rel=1e-9)
    assert (np.sign(branch.orbits[:, 0, 0]) == np.sign(branch.orbits[0, 0, 0])).all()


def test_a_loop_of_fixed_points_closes_and_its_folds_open_to_the_inside() -> None:
    here = Map(gd, line("x**3/3 + (p**2-1)*x"))
    branch = continue_orbit(here, {"eta": 2}, {"x": 1}, 1, "p", (-2, 2), at=0)
    assert branch.ends == ("closed loop", "closed loop")
    assert np.hypot(branch.parameters, branch.orbits[:, 0, 0]) == pytest.approx(1, abs=1e-11)
    folds = sorted((s.parameter, s.type) for s in only(branch, "fold"))
    assert [t for _, t in folds] == ["opens above", "opens below"]
    assert [p for p, _ in folds] == pytest.approx([-1, 1], abs=TIGHT)
    flips = sorted(s.parameter for s in only(branch, "flip"))
    assert flips == pytest.approx([-sqrt(3) / 2, sqrt(3) / 2], abs=TIGHT)
    assert len(branch.special) == 4


def test_branches_that_cross_and_how_to_change_over() -> None:
    branch = continue_orbit(Map(gd, line("p*x**2/2 - x**3/3")), {"eta": 1}, {"x": 0}, 1, "p", (-1, 1), at="-1/2")
    (point,) = branch.special
    assert point.kind == "transcritical"
    assert abs(point.parameter) < TIGHT
    other = branch.switch(0)
    assert other.orbits[:, 0, 0] == pytest.approx(other.parameters, abs=1e-12)
    assert [s.kind for s in other.special] == ["transcritical"]


@pytest.mark.parametrize(("sign", "form"), [("+", "supercritical"), ("-", "subcritical")])
def test_a_symmetric_loss_has_a_pitchfork(sign: str, form: str) -> None:
    branch = continue_orbit(Map(gd, line(f"-p*x**2/2 {sign} x**4/4")), {"eta": "1/2"}, {"x": 0}, 1, "p", (-1, 1))
    (point,) = branch.special
    assert (point.kind, point.type) == ("pitchfork", form)
    assert abs(point.parameter) < TIGHT
    assert point.coefficient == pytest.approx(-0.5 if sign == "+" else 0.5, rel=1e-12)
    arms = branch.switch(0)
    assert arms.orbits[:, 0, 0] ** 2 == pytest.approx(np.abs(arms.parameters), abs=1e-11)
    assert [s.kind for s in arms.special] == ["pitchfork"]  # passed from one arm to the other, no fold of its own


# -- A9: balanced cycles -------------------------------------------------------------------------------------
def test_the_balanced_cycles_fold_where_2_theta_r_is_rho_and_branch_where_r_is_rho() -> None:
    rho = 0.7
    here = Map(sam, Product(log_cosh))
    branch = continue_orbit(here, {"rho": "7/10"}, {"x": "0.3", "y": "0.3"}, 2, "eta", ("1/2", "3/2"), at="1.35")
    for s in only(branch, "fold"):
        r = float(np.linalg.norm(s.points[0]))
        z = (r + rho) ** 2 / 2
        theta = z / (np.sinh(z) * np.cosh(z))
        assert 2 * theta * r == pytest.approx(rho, abs=1e-9)
        assert s.parameter == pytest.approx(2 * r / ((r + rho) * tanh(z)), abs=TIGHT)
    assert len(only(branch, "fold")) == 2
    (crossing,) = only(branch, "pitchfork")
    assert np.linalg.norm(crossing.points[0]) == pytest.approx(rho, abs=TIGHT)
    assert crossing.parameter == pytest.approx(1 / tanh(2 * rho**2), abs=TIGHT)
    assert len(branch.special) == 3  # two real multipliers with product 1 are nothing
    r = np.linalg.norm(branch.orbits[:, 0], axis=1)
    transverse = ((3 * r - rho) / (r + rho)) ** 2
    assert np.abs(branch.multipliers - transverse[:, None]).min(axis=1).max() < 1e-9


def test_from_r_equal_rho_cycles_off_the_diagonal_branch_off_on_the_circle_of_radius_rho() -> None:
    # w → ∓(y, x) as xy is positive or negative: a cycle iff |w| = ρ and ηℓ'((|x|+|y|)²) = 1.
    rho = 2.0
    here = Map(sam, Product(log_cosh))
    branch = continue_orbit(here, {"rho": "2"}, {"x": "1.3", "y": "1.3"}, 2, "eta", ("9/10", "11/10"), at=1)
    number = next(i for i, s in enumerate(branch.special) if s.kind == "pitchfork")
    point = branch.special[number]
    assert point.parameter == pytest.approx(1 / tanh(2 * rho**2), abs=TIGHT)
    other = branch.switch(number, points=15)
    w = other.orbits[:, 0]
    assert np.hypot(w[:, 0], w[:, 1]) == pytest.approx(rho, abs=1e-9)
    assert other.parameters * np.tanh((np.abs(w).sum(axis=1)) ** 2) == pytest.approx(1, abs=1e-9)
    turned = -np.sign(w.prod(axis=1))[:, None] * other.orbits[:, 1, ::-1]
    assert w == pytest.approx(turned, abs=1e-9)
    assert np.abs(w[:, 0] - w[:, 1]).max() > 1
    away = np.abs(other.parameters - point.parameter)
    beside = (away > 1e-9) & (away < 1e-5)
    assert (other.stable[beside] == (point.type == "supercritical")).all()


# -- Neimark-Sacker ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("loss", "coefficient"), [("x**2/2 - x**4/4", -0.75), ("x**2/2 + x**4/4", 0.75)])
def test_a_delayed_gradient_turns_at_eta_1(loss: str, coefficient: float) -> None:
    branch = continue_orbit(Map(delayed, line(loss)), {}, {"x": 0, "v_x": 0}, 1, "eta", ("1/2", "3/2"))
    (point,) = branch.special
    assert point.kind == "Neimark-Sacker"
    assert abs(point.parameter - 1) < TIGHT
    assert point.multipliers[0] == pytest.approx(complex(cos(pi / 3), sqrt(3) / 2), abs=1e-12)
    assert point.coefficient == pytest.approx(coefficient, rel=1e-10)
    assert point.type == ("supercritical" if coefficient < 0 else "subcritical")


def test_the_delayed_logistic_map_has_first_coefficient_minus_1() -> None:
    # u ↦ u − v − 2uv, v ↦ u: the same map as GD with delay on no loss; compared with the decay of a long orbit.
    forms = Forms(np.array([[1.0, -1.0], [1.0, 0.0]]), lambda u: (np.array([-4 * u[0] * u[1], 0.0]), np.zeros(2)))
    mu = complex(cos(pi / 3), sqrt(3) / 2)
    found = neimark_sacker(forms, mu)
    assert found is not None
    assert found.value == pytest.approx(-1, rel=1e-12)
    p = sqrt(2) / (1 - mu.conjugate() ** 2)
    u, v, sizes = 0.05, 0.0, []
    for n in range(40_006):
        u, v = u - v - 2 * u * v, u
        if n < 6 or n >= 40_000:
            sizes.append(abs(p * u - mu.conjugate() * p * v))
    first, last = np.mean(sizes[:6]), np.mean(sizes[6:])
    assert -(last**-2 - first**-2) / 40_000 / 2 == pytest.approx(found.value, rel=2e-2)


def test_behind_a_neimark_sacker_point_of_sam_an_invariant_curve_has_the_radius_that_its_coefficient_predicts() -> None:
    here = Map(sam, Expression("x**2/2 + y**2 + x*y**2/3", ["x", "y"]))
    branch = continue_orbit(here, {"rho": "1/10"}, {"x": 0, "y": "1/20"}, 2, "eta", ("1/2", "6/5"))
    (point,) = branch.special
    assert (point.kind, point.type) == ("Neimark-Sacker", "supercritical")
    assert point.coefficient is not None
    eta = point.parameter + 4e-4
    (orbit,) = branch.at(eta)
    model = at(here, {"eta": eta, "rho": "1/10"})
    linear = model.linearised(orbit[0], 2)
    assert linear is not None
    values, vectors = np.linalg.eig(linear[1])
    mu, q = values[values.imag.argmax()], vectors[:, values.imag.argmax()]
    left, rows = np.linalg.eig(linear[1].T)
    p = rows[:, np.abs(left - mu.conj()).argmin()]
    p = p / np.vdot(p, q).conj()
    predicted = sqrt((abs(mu) - 1) / -point.coefficient)
    state, sizes = orbit[:1] + 0.8 * predicted * q.real / np.abs(np.vdot(p, q.real)), []
    for n in range(4000):
        state = model.step(model.step(state))
        if n >= 3000:
            sizes.append(abs(np.vdot(p, state[0] - orbit[0])))
    assert np.mean(sizes) / predicted == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize("k", [3, 4])
def test_strong_resonances_have_no_such_coefficient(k: int) -> None:
    mu = complex(np.exp(2j * pi / k))
    matrix = np.array([[mu.real, -mu.imag], [mu.imag, mu.real]])
    assert neimark_sacker(Forms(matrix, lambda u: (u, u)), mu) is None


def test_a_double_multiplier_minus_1_has_no_coefficient() -> None:
    assert flip(Forms(-np.eye(2), lambda u: (u, u))) is None


# -- the logistic map ----------------------------------------------------------------------------------------
LOGISTIC = Map(gd, line("(1-r)*x**2/2 + r*x**3/3"))


def test_the_first_three_period_doublings_of_the_logistic_map() -> None:
    branch = continue_orbit(LOGISTIC, {"eta": 1}, {"x": "0.6"}, 1, "r", (2, 4), at="5/2")
    (flip_1,) = branch.special
    assert abs(flip_1.parameter - 3) < TIGHT
    second = branch.switch(0)
    halving, flip_2 = second.special
    assert (halving.kind, abs(halving.parameter - 3) < TIGHT) == ("period halving", True)
    assert abs(flip_2.parameter - (1 + sqrt(6))) < TIGHT
    fourth = second.switch(1)
    assert fourth.period == 4
    assert abs(fourth.special[0].parameter - (1 + sqrt(6))) < TIGHT
    assert fourth.special[1].parameter == pytest.approx(3.544090359551922, abs=TIGHT)
    assert {s.type for s in (*branch.special, *second.special, *fourth.special)} == {"supercritical"}
    # The 2-cycle has the multiplier 4 + 2r − r².
    r = second.parameters
    assert second.multipliers[:, 0].real == pytest.approx(4 + 2 * r - r**2, abs=1e-9)


def test_period_3_of_the_logistic_map_begins_at_1_plus_root_8() -> None:
    branch = continue_orbit(LOGISTIC, {"eta": 1}, {"x": "0.16"}, 3, "r", (3, 4), at="3.84")
    (point,) = only(branch, "fold")
    assert abs(point.parameter - (1 + sqrt(8))) < TIGHT
    assert point.type == "opens above"


# -- where a branch ends -------------------------------------------------------------------------------------
def test_a_multiplier_that_jumps_across_minus_1_is_no_flip() -> None:
    here = Map(gd, line("x**2/2 - p*x + 3*Max(0,x)**2/4"))
    branch = continue_orbit(here, {"eta": 1}, {"x": "-0.3"}, 1, "p", (-1, 1), at="-1/2")
    assert [(s.kind, s.coefficient) for s in branch.special] == [("jump", None)]
    assert abs(branch.special[0].parameter) < TIGHT


def test_a_branch_that_escapes_says_so() -> None:
    # radius ηλρ/(2−ηλ)
    here = Map(sam, Quadratic(1))
    branch = continue_orbit(here, {"rho": "1/10"}, {"w1": "0.1"}, 2, "eta", ("1/2", 3), at=1, step=0.2)
    assert branch.ends == ("left the span", "unbounded")
    r = np.abs(branch.orbits[:, 0, 0])
    assert r == pytest.approx(branch.parameters * 0.1 / (2 - branch.parameters), rel=1e-6)


def test_the_number_of_points_is_a_limit_and_extension_goes_on() -> None:
    here, given = Map(sam, line("x**4/4")), {"rho": 1}
    short = continue_orbit(here, given, {"x": "1/5"}, 2, "eta", ("1/10", 1), at="1/5", points=5)
    assert short.ends == ("point limit", "point limit") or "point limit" in short.ends
    assert len(short) <= 11
    longer = short.extend(("1/20", 1))
    assert [s.kind for s in longer.special] == ["fold"]
    assert longer.special[0].parameter == pytest.approx(8 / 27, abs=TIGHT)
    assert longer.parameters[[0, -1]] == pytest.approx([0.05, 0.05], abs=0)
    with pytest.raises(InputError, match="must contain the old one"):
        longer.extend(("1/10", 1))


def test_a_saved_branch_is_the_same_and_can_be_extended(tmp_path: Path) -> None:
    here = Map(usam, line("x**2/2 - x**4/4"))
    branch = continue_orbit(here, {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/10", 1))
    path = tmp_path / "branch.json"
    branch.save(path)
    again = Branch.load(path, here)
    assert json.dumps(again.to_json()) == json.dumps(branch.to_json())
    assert not again.special
    longer, direct = again.extend(("1/10", 3)), branch.extend(("1/10", 3))
    assert longer.to_json() == direct.to_json()
    assert longer.special[0].parameter == pytest.approx(4 / 3, abs=TIGHT)
    with pytest.raises(InputError, match="not of"):
        Branch.load(path, Map(gd, line("x**2/2 - x**4/4")))
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(InputError, match="not a whole JSON"):
        Branch.load(path, here)
    path.write_text(text.replace('"tangents"', '"gradients"'), encoding="utf-8")
    with pytest.raises(InputError, match="lacks parts"):
        Branch.load(path, here)


def test_an_interruption_keeps_what_was_found() -> None:
    def stop(_: str) -> None:
        raise KeyboardInterrupt

    here = Map(gd, line("x**3/3 + (p**2-1)*x"))
    branch = continue_orbit(here, {"eta": 2}, {"x": 1}, 1, "p", (-2, 2), at=0, step=0.02, progress=stop)
    assert branch.interrupted
    assert len(branch) >= 50
    assert branch.extend((-2, 2)).ends == ("closed loop", "closed loop")


# -- manifolds of minima -------------------------------------------------------------------------------------
def test_along_a_manifold_of_minima_a_frozen_coordinate_is_what_varies() -> None:
    # GD on log cosh(xy) at (0, y): multiplier 1 − ηy².
    here = Map(gd, Product(log_cosh))
    along = continue_orbit(here, {"eta": "1/2"}, {"x": 0, "y": 1}, 1, "y", (1, 3))
    (point,) = along.special
    assert (point.kind, point.type) == ("flip", "supercritical")
    assert abs(point.parameter - 2) < TIGHT
    across = continue_orbit(here, {}, {"x": 0, "y": "3/2"}, 1, "eta", ("1/10", 3), freeze=["y"])
    assert across.special[0].parameter == pytest.approx(8 / 9, abs=TIGHT)
    with pytest.raises(InputError, match="freeze a coordinate"):
        continue_orbit(here, {}, {"x": 0, "y": "3/2"}, 1, "eta", ("1/10", 3))


# -- results -------------------------------------------------------------------------------------------------
def test_tables_have_a_row_for_each_thing_and_the_plot_its_legend() -> None:
    fixed = continue_orbit(Map(usam, line("x**2/2 - x**4/4")), {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/2", "3/2"))
    cycle = fixed.switch(0)
    rows = fixed.to_table()
    assert [r["what"] for r in rows] == ["start", "flip", "end"]
    assert rows[1]["eta"] == "1.33333333333333"
    assert all(isinstance(c, str) for r in [*rows, *fixed.points_table()] for c in r.values())
    assert len(fixed.points_table()) == len(fixed)
    axes = cycle.plot(fixed.plot())
    legend = axes.get_legend()
    assert legend is not None
    labels = [t.get_text() for t in legend.get_texts()]
    assert sorted(labels)[:3] == ["fixed point, stable", "fixed point, unstable", "flip, supercritical"]
    assert axes.get_xlabel() == "η"
    with pytest.raises(InputError, match="no coordinate 'y'"):
        fixed.plot(coordinate="y")


def test_the_orbits_at_a_parameter_are_those_of_every_part_of_the_branch() -> None:
    branch = continue_orbit(QUARTIC, {"rho": 1}, {"x": "1/5"}, 2, "eta", ("1/10", 1), at="1/5")
    found = branch.at(0.2)
    assert found.shape == (2, 2, 1)
    for r in np.abs(found[:, :, 0]).ravel():
        assert 2 * r == pytest.approx(0.2 * (r + 1) ** 3, rel=1e-12)
    assert branch.at(0.5).shape == (0, 2, 1)
    assert branch.passes(found[0, 1], 0.2)
    assert not branch.passes(found[0, 1] * 1.01, 0.2)


def test_a_search_starts_each_branch_once() -> None:
    # At η = 1/5 there are two 2-cycles, both on the one branch with the fold.
    lines: list[str] = []
    branches = continue_orbits(
        QUARTIC, {"rho": 1}, {"x": (-4, 4)}, 2, "eta", ("1/10", 1), at="1/5", starts=64, progress=lines.append
    )
    assert [b.special[0].parameter for b in branches] == [pytest.approx(8 / 27, abs=TIGHT)]
    assert lines
    assert continue_orbits(QUARTIC, {"rho": 1}, {"x": (3, 4)}, 2, "eta", ("1/10", 1), at="1/5", starts=8) == ()


# -- the command ---------------------------------------------------------------------------------------------
USAM = ("bifurcation", "--loss", "x**2/2 - x**4/4", "--rule", "usam", "--rho", "1/2", "--start", "x=0")


def test_the_command_prints_the_flip_and_what_branches_off(tmp_path: Path) -> None:
    picture, saved = tmp_path / "diagram.svg", tmp_path / "branch.json"
    done = run(*USAM, "--vary", "eta=1/2:2", "--switch", "--plot", str(picture), "--save", str(saved))
    assert done.exit_code == 0, done.stderr
    assert "# branch 2: period 2" in done.stdout
    assert "flip of the orbit of period 1" in done.stdout
    assert "1.33333333333333" in done.stdout
    assert "flip, supercritical" in picture.read_text(encoding="utf-8")
    assert json.loads(saved.read_text(encoding="utf-8"))["period"] == 1
    assert json.loads((tmp_path / "branch-2.json").read_text(encoding="utf-8"))["period"] == 2


def test_a_branch_is_resumed_from_its_file(tmp_path: Path) -> None:
    saved = tmp_path / "branch.json"
    assert run(*USAM, "--vary", "eta=1/2:1", "--save", str(saved)).exit_code == 0
    rest = (*USAM[:-2], "--resume", str(saved))
    done = run(*rest, "--vary", "eta=1/2:2", "--json", "-")
    assert done.exit_code == 0, done.stderr
    (branch,) = json.loads(done.stdout)["branches"]
    assert [s["kind"] for s in branch["special"]] == ["flip"]
    other = [a if a != "1/2" else "1/3" for a in rest]
    outcome = run(*other, "--vary", "eta=1/2:2")
    assert outcome.exit_code == 2
    assert "has rho = 1/2, not 1/3" in outcome.stderr


def test_options_of_rules_and_symbols_of_losses_can_vary() -> None:
    words = "bifurcation --loss lam*x**2/2 --rule sam --eta 1 --rho 1/10 --start x=0 --json -".split()
    done = run(*words, "--set", "lam=1", "--vary", "eps=1/100:3/10")
    (branch,) = json.loads(done.stdout)["branches"]
    assert branch["special"][0]["parameter"] == pytest.approx(0.1, abs=TIGHT)
    # eps* = λ²ρ/(2−λ) = 1/5 at η = 1: 10·eps* = λ²/(2−λ) = 2
    done = run(*words, "--set", "eps=1/5", "--vary", "lam=1:3/2")
    (branch,) = json.loads(done.stdout)["branches"]
    assert branch["special"][0]["parameter"] == pytest.approx(sqrt(5) - 1, abs=TIGHT)
    done = run(*"bifurcation --loss log_cosh(xy) --rule gd --eta 1/2 --vary y=1:3 --start x=0,y=1 --json -".split())
    (branch,) = json.loads(done.stdout)["branches"]
    assert branch["special"][0]["parameter"] == pytest.approx(2, abs=TIGHT)


def test_the_command_searches_for_its_starts() -> None:
    words = "bifurcation --loss x**4/4 --rule sam --rho 1 --vary eta=1/10:1 --at 1/5 --period 2 --from-search".split()
    done = run(*words, "--box", "x=-4:4", "--json", "-")
    assert [b["special"][0]["kind"] for b in json.loads(done.stdout)["branches"]] == ["fold"]
    outcome = run(*words, "--box", "x=3:4")
    assert outcome.exit_code == 2
    assert "no isolated orbit of period 2" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (USAM, "--vary"),
        ((*USAM, "--vary", "eta=1/2"), "NAME=LOW:HIGH"),
        ((*USAM, "--vary", "eta=1/2:2", "--from-search"), "give one of"),
        ((*USAM, "--vary", "eta=1/2:2", "--box", "x=0:1"), "belong together"),
        ((*USAM, "--vary", "eta=1/2:2", "--eta", "1"), "eta varies"),
        ((*USAM[:-1], "x", "--vary", "eta=1/2:2"), "write each coordinate once"),
        ((*USAM, "--vary", "eps=1/2:2"), "unknown parameter"),
        ((*USAM, "--vary", "eta=1/2:2", "--plot", "x.nothing"), "cannot draw"),
    ],
)
def test_bad_arguments_of_the_command_exit_with_2(arguments: tuple[str, ...], message: str) -> None:
    outcome = run(*arguments)
    assert outcome.exit_code == 2
    assert message in outcome.stderr


QUARTIC = Map(sam, line("x**4/4"))


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (({"rho": 1}, {"x": "1/5"}, 2, "eto", (0.1, 1)), "nothing called 'eto'"),
        (({"rho": 1, "eta": 1}, {"x": "1/5"}, 2, "eta", (0.1, 1)), "'eta' varies"),
        (({}, {"x": "1/5"}, 2, "eta", (0.1, 1)), "no value for rho"),
        (({"rho": 1, "lam": 1}, {"x": "1/5"}, 2, "eta", (0.1, 1)), "no parameter 'lam'"),
        (({"rho": 1}, {"y": "1/5"}, 2, "eta", (0.1, 1)), "no coordinate 'y'"),
        (({"rho": 1}, {}, 2, "eta", (0.1, 1)), "no 'x'"),
        (({"rho": 1}, {"x": "1/5"}, 0, "eta", (0.1, 1)), "positive integer"),
        (({"rho": 1}, {"x": "1/5"}, 2, "eta", (1, 0.1)), "give the lower end first"),
        (({"rho": 1}, {"x": "1/5"}, 2, "eta", (1, 1)), "single point"),
        (({"rho": 1}, {"x": "1/5"}, 2, "eta", (-1, 1)), "step size must be positive"),
        (({"rho": 1}, {"x": 0}, 1, "eta", (0.1, 1)), "no derivative at the start"),
    ],
)
def test_bad_input_is_answered_with_what_is_wrong(arguments: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        continue_orbit(QUARTIC, *arguments)


def test_an_orbit_of_a_smaller_period_and_special_points_without_a_branch_are_refused() -> None:
    here = Map(usam, line("x**2/2 - x**4/4"))
    with pytest.raises(InputError, match="has period 1"):
        continue_orbit(here, {"rho": "1/2"}, {"x": 0}, 2, "eta", ("1/2", 1))
    fold = continue_orbit(QUARTIC, {"rho": 1}, {"x": "1/5"}, 2, "eta", ("1/10", 1), at="1/5")
    with pytest.raises(InputError, match="at a fold"):
        fold.switch(0)
    with pytest.raises(InputError, match="1 special points"):
        fold.switch(1)
    with pytest.raises(InputError, match="outside of the span"):
        continue_orbit(QUARTIC, {"rho": 1}, {"x": "1/5"}, 2, "eta", ("1/10", 1), at=2)


@pytest.mark.parametrize(
    ("part", "value"),
    [("span", [0.5, math.inf]), ("values", {"rho": math.inf}), ("base", 1.0), ("base", [1.0, 0.0]), ("step", -1)],
)
def test_a_damaged_branch_is_refused(part: str, value: Any, tmp_path: Path) -> None:
    here, path = Map(usam, Expression("x**2/2 - x**4/4")), tmp_path / "branch.json"
    continue_orbit(here, {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/2", "3/4")).save(path)
    assert Branch.load(path, here).parameters[0] == 0.5
    path.write_text(json.dumps({**json.loads(path.read_text()), part: value}))
    with pytest.raises(InputError, match="lacks parts"):
        Branch.load(path, here)
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="whole JSON"):
        Branch.load(path, here)
