"""Long trajectories of engines and laboratory by machine code: the reference's results, and it where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sam_theory.arithmetic import Float64
from sam_theory.dynamics import Map, mover
from sam_theory.dynamics import _mover as module
from sam_theory.engines import verify
from sam_theory.engines._budget import Budget, budget_of
from sam_theory.engines._search._asymptotic import AsymptoticJudge
from sam_theory.engines._search._attractors import _tail
from sam_theory.engines._search._envelope import EnvelopeJudge
from sam_theory.engines._search._instances import Batch, Sampler
from sam_theory.engines._search._judge import Judge
from sam_theory.engines._search._limit import LimitJudge
from sam_theory.engines._search._scene import scenes
from sam_theory.engines._search._select import judge_of
from sam_theory.lab import OrbitDiagram, _attractor, orbit_diagram
from sam_theory.losses import Expression, Quadratic, named_losses
from sam_theory.rules import gd, heavy_ball_sam, random_perturbation, sam, scheduled_sam
from sam_theory.theorems import library

LOSSES = named_losses()
THEOREMS = {t.slug: t for t in library()}
LONG = Budget("default", simple=64, samples=64, steps=128, climbs=1, attempts=4, rlimit=1_000_000)
WELLS = Map(sam, Expression("w**4/4 - w**2/2"))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Machine code wherever there is any."""
    pytest.importorskip("llvmlite")
    monkeypatch.setattr(module, "_WORTH", 0.0)
    monkeypatch.setattr(module, "_LEAST", 0)


def stepped(map: Map, states: Any, parameters: dict[str, Any], first: int, count: int) -> Any:
    """All states in the reference, (count, s, n)."""
    step, d = map.stepper(Float64(), parameters), len(states) // len(map.state)
    state, found = {v: states[i * d : (i + 1) * d] for i, v in enumerate(map.state)}, []
    with np.errstate(all="ignore"):
        for t in range(first, first + count):
            state = step({**state, "k": float(t)} if map.rule.uses_step_number else state)
            found.append(np.concatenate([state[v] for v in map.state]))
    return np.stack(found)


# -- the mechanism -------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("rule", [gd, sam, scheduled_sam, heavy_ball_sam])
@pytest.mark.parametrize("loss", ["log_cosh(xy)", "quadratic-2d"])
def test_moved_states_are_those_of_the_reference(rule: Any, loss: str) -> None:
    map, rng, n = Map(rule, LOSSES[loss]), np.random.default_rng(2), 37
    states = rng.normal(size=(2 * len(map.state), n))
    parameters: dict[str, Any] = {name: rng.uniform(0.05, 0.2, size=n) for name in map.parameters}
    code = mover(map, 12, n)
    assert not isinstance(code, str)
    kept, left = code.move(states, parameters, 3, 12, keep=5)
    reference = stepped(map, states, parameters, 3, 12)
    assert not left.any()
    np.testing.assert_allclose(kept, reference[-5:], rtol=1e-9, atol=1e-12)
    last, _ = code.move(states, parameters, 3, 12)
    assert (last == kept[-1]).all()


@pytest.mark.usefixtures("eager")
def test_bits_depend_neither_on_the_batch_nor_on_how_a_run_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    rng, n = np.random.default_rng(4), 50
    states = rng.uniform(-1, 1, size=(1, n))
    parameters = {"eta": rng.uniform(0.5, 0.95, size=n), "rho": rng.uniform(0.05, 0.3, size=n)}
    code = mover(WELLS, 200, n)
    assert not isinstance(code, str)
    whole, left = code.move(states, parameters, 0, 200)
    assert not left.any()
    half, _ = code.move(states, parameters, 0, 77)
    rest, _ = code.move(half, parameters, 77, 123)
    assert (rest == whole).all()
    window, _ = code.move(states, parameters, 0, 200, keep=50)
    monkeypatch.setattr(module, "_PIECE", 7 * 64)
    pieces, _ = code.move(states, parameters, 0, 200, keep=50)
    assert (pieces == window).all()
    assert (window[-1] == whole).all()
    some = [3, 20, 41]
    own, _ = code.move(states[:, some], {k: v[some] for k, v in parameters.items()}, 0, 200, keep=1)
    assert (own[0] == whole[:, some]).all()


@pytest.mark.usefixtures("eager")
def test_what_comes_near_the_bound_of_divergence_is_left_to_the_reference() -> None:
    code = mover(Map(gd, Quadratic(1)), 1000, 4)
    assert not isinstance(code, str)
    eta = np.array([0.5, 3.0, 2.0, 0.1])
    states, left = code.move(np.array([[1.0, 1.0, 1.0, 9e11]]), {"eta": eta}, 0, 50, keep=50)
    assert left.tolist() == [False, True, False, True]
    assert states[-1, 0, 2] == 1.0
    np.testing.assert_allclose(states[:, 0, 0], 0.5 ** np.arange(1, 51))


def test_the_choice_is_a_function_of_the_numbers_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    map = Map(sam, LOSSES["log_cosh(xy)"])
    assert mover(map, 100, 10) == "too little work for machine code to be made"
    assert mover(map, 2000, 20) == "too little work for machine code to be made"
    monkeypatch.setattr(module, "missing", lambda: "llvmlite is not installed")
    assert mover(map, 10_000, 4096) == "llvmlite is not installed"


@pytest.mark.usefixtures("eager")
def test_noise_is_left_to_the_reference() -> None:
    map = Map(random_perturbation(2), LOSSES["log_cosh(xy)"])
    assert mover(map, 10_000, 4096) == f"{map.rule.name} draws random numbers"


# -- the search ----------------------------------------------------------------------------------------------
def judged(slug: str, kind: type[Judge], size: int = 48) -> tuple[Any, Batch]:
    """The judge of a statement's first scene of that kind, and random instances."""
    for scene in scenes(THEOREMS[slug]):
        judge = judge_of(scene, LONG)
        batch = Sampler(scene, scene.almost_every, judge.uses_start).random(np.random.default_rng(1), size)
        if isinstance(judge, kind) and batch is not None:
            return judge, judge.prepare(batch, np.random.default_rng(1))
    raise AssertionError(slug)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "slug",
    ["sam-never-converges-sc.limsup", "sc-1d-exact-worst-case.distance-small-kappa", "unified-sam-pl-qualitative.usam"],
)
def test_a_limit_sees_by_machine_code_what_the_reference_sees(slug: str) -> None:
    judge, batch = judged(slug, LimitJudge)
    seen, reference = judge._windows(batch, 32, 16), judge._stepped(batch, 32, 16)
    assert judge.machine_code
    for name in ("early", "late", "first", "middle", "end"):
        np.testing.assert_allclose(getattr(seen, name), getattr(reference, name), rtol=1e-6, atol=1e-9)


@pytest.mark.usefixtures("eager")
def test_a_limit_leaves_divergent_trajectories_to_the_reference() -> None:
    judge, batch = judged("sc-1d-exact-worst-case.distance-small-kappa", LimitJudge)
    far = Batch(batch.scene, batch.values, np.where(np.arange(batch.size) % 3 == 0, 9e11, batch.start))
    seen, reference = judge._windows(far, 32, 16), judge._stepped(far, 32, 16)
    for name in ("early", "late", "first", "middle", "end"):
        own, other = getattr(seen, name)[..., ::3], getattr(reference, name)[..., ::3]
        np.testing.assert_array_equal(own, other)


@pytest.mark.usefixtures("eager")
def test_the_tail_of_an_orbit_is_that_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, batch = judged("sc-1d-exact-worst-case.distance-small-kappa", LimitJudge)
    tail, diverged = _tail(judge, batch.point(0))
    assert judge.machine_code
    monkeypatch.setattr(judge, "moved", lambda steps: None)
    reference, lost = _tail(judge, batch.point(0))
    assert diverged == lost
    np.testing.assert_allclose(tail, reference, rtol=1e-8)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize(
    "slug", ["pl-sam-limsup.large-steps-rate", "quad-global-lyapunov.sum", "pl-usam-descent-and-travel.travel"]
)
def test_an_envelope_has_the_same_sides(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    judge, batch = judged(slug, EnvelopeJudge)
    with np.errstate(all="ignore"):
        times, *sides = judge._sides(batch, 40)
        assert judge.machine_code
        monkeypatch.setattr(judge, "moved", lambda steps: None)
        others, *reference = judge._sides(batch, 40)
    assert (times == others).all()
    scale = np.abs(reference[0][0]) + np.abs(reference[1][0])
    for a, b in zip(sides, reference, strict=True):
        np.testing.assert_allclose(a / scale, b / scale, rtol=1e-6, atol=1e-9)


@pytest.mark.usefixtures("eager")
def test_an_asymptotic_law_is_measured_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    judge, batch = judged("sam-drift-law-product.trajectory", AsymptoticJudge)
    found = judge.violation(batch)
    assert judge.machine_code
    monkeypatch.setattr(judge, "moved", lambda *args: None)
    np.testing.assert_allclose(found, judge.violation(batch), atol=1e-3)


@pytest.mark.usefixtures("eager")
def test_the_quick_budget_is_left_to_the_reference() -> None:
    scene = scenes(THEOREMS["sam-drift-law-product.trajectory"])[0]
    judge = judge_of(scene, budget_of("quick"))
    assert judge.moved(100_000, 100_000) is None
    assert not judge.machine_code


def test_a_verdict_does_not_depend_on_machine_code_and_its_evidence_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llvmlite")
    theorem = THEOREMS["sc-1d-exact-worst-case.distance-small-kappa"]
    fast = verify(theorem, engines=("search",))
    monkeypatch.setattr(module, "missing", lambda: "llvmlite is not installed")
    reference = verify(theorem, engines=("search",))
    assert fast.verdict == reference.verdict
    assert fast.evidence[0].margin == pytest.approx(reference.evidence[0].margin, rel=1e-3)
    assert "by machine code" in fast.evidence[0].detail
    assert "machine code" not in reference.evidence[0].detail


# -- the laboratory ------------------------------------------------------------------------------------------
def diagram() -> OrbitDiagram:
    return orbit_diagram(WELLS, {"rho": "1/10"}, ("eta", "1/10", "5/2", 60), [[0.4], [-1.5]], 800, 40)


def test_an_orbit_diagram_has_the_same_ends_by_machine_code(eager: None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = diagram()
    monkeypatch.setattr(module, "missing", lambda: "llvmlite is not installed")
    reference = diagram()
    assert (found.backend, reference.backend) == ("fast", "numpy")
    assert found.to_json()["backend"] == "fast"
    assert (found.labels == reference.labels).all()
    assert (found.periods == reference.periods).all()
    assert {_attractor.DIVERGED, _attractor.SETTLED} <= set(found.labels.ravel().tolist())
    regular = found.labels == _attractor.SETTLED
    np.testing.assert_allclose(found.points[regular], reference.points[regular], atol=1e-7)


def test_a_short_diagram_is_left_to_the_reference() -> None:
    assert orbit_diagram(WELLS, {"rho": "1/10"}, ("eta", "1/10", "1/2", 5), [[0.4]], 100, 8).backend == "numpy"
