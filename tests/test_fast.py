"""Machine code gives what the reference gives: a step to rounding; labels and observables on its own iterates."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import sympy as sp

from sam_theory.dynamics import Map, Over, Trajectory, orbit, simulate
from sam_theory.errors import InputError
from sam_theory.losses import Expression, Product, Quadratic, log_cosh, named_losses
from sam_theory.rules import (
    RULES,
    block_sam,
    friendly_sam,
    gd,
    heavy_ball,
    heavy_ball_sam,
    random_perturbation,
    sam,
    scheduled_sam,
    usam,
)

pytest.importorskip("llvmlite")

LOSSES = named_losses()
x, y, t = sp.symbols("x y t", real=True)
GRID = np.linspace(0.02, 0.6, 13)


def fits(rule: Any, loss: Any) -> bool:
    """Whether the rule takes the loss, and its blocks the dimension."""
    try:
        map = Map(rule, loss)
        simulate(map, np.ones(loss.dimension or 4), params=dict.fromkeys(map.parameters, 0.1), steps=1, rng=0)
    except InputError:
        return False
    return True


def pairs() -> list[Any]:
    """Every rule on three losses, three rules on every loss."""
    found = []
    for rule in RULES.values():
        for name, loss in LOSSES.items():
            if name not in ("log_cosh(xy)", "quadratic", "two-centres") and rule not in (gd, sam, heavy_ball_sam):
                continue
            if not fits(rule, loss):
                continue
            found.append(pytest.param(rule, loss, id=f"{rule.name}-{name}"))
    return found


def values(map: Map, rng: np.random.Generator, n: int) -> dict[str, Any]:
    return {name: rng.uniform(0.05, 0.5, size=n) for name in map.parameters}


@pytest.mark.parametrize(("rule", "loss"), pairs())
def test_one_step_from_random_states_agrees_to_1e_12(rule: Any, loss: Any) -> None:
    map, rng, n = Map(rule, loss), np.random.default_rng(3), 96
    d = loss.dimension or 4
    start = {v: rng.normal(size=(n, d)) * 2.0 ** rng.integers(-2, 3, size=(n, 1)) for v in map.state}
    parameters = values(map, rng, n)
    reference = simulate(map, start, params=parameters, steps=1, rng=5)
    fast = simulate(map, start, params=parameters, steps=1, rng=5, backend="fast", threads=1)
    assert fast.backend == "fast"
    for v in map.state:
        a, b = reference.final_state[v], fast.final_state[v]
        size = np.maximum(np.linalg.norm(a, axis=1), np.linalg.norm(start["w"], axis=1))
        assert np.all(np.linalg.norm(a - b, axis=1) <= 1e-12 * size)
    assert np.array_equal(reference.outcome, fast.outcome)


def equal(a: Trajectory, b: Trajectory) -> bool:
    """Bitwise the same, whatever computed it."""
    same = [np.array_equal(getattr(a, f), getattr(b, f)) for f in ("final", "outcome", "step")]
    same.append((a.states is None) == (b.states is None))
    if a.states is not None and b.states is not None:
        same.append(np.array_equal(a.states, b.states))
    same += [np.array_equal(v, b.observables[k], equal_nan=True) for k, v in a.observables.items()]
    return all(same)


OBSERVED = {
    "top": Over("max", sp.Abs(x * y), 40),
    "least": Over("min", x + t * y, 3),
    "mean": Over("mean", x * y),
    "now": x + y * t,
}


def sweep(rule: Any, name: str, steps: int, **options: Any) -> Trajectory:
    map = Map(rule, LOSSES[name])
    grid = {"eta": GRID[:, None], "rho": GRID[None, :]}
    parameters = {p: grid.get(p, 0.3) for p in map.parameters}
    given: dict[str, Any] = {"observables": OBSERVED, "rng": 3, "backend": "fast", "threads": 1} | options
    return simulate(map, [0.5, 3.0], params=parameters, steps=steps, **given)


CASES = [
    (gd, "log_cosh(xy)"),
    (sam, "sqrt1p(xy)"),
    (usam, "log_cosh(xy)"),
    (usam, "shifted_square(xy)"),
    (gd, "shifted_square(xy)"),
    (heavy_ball, "log_cosh(xy)"),
    (scheduled_sam, "log_cosh(xy)"),
]


@pytest.mark.parametrize(("rule", "name"), CASES)
@pytest.mark.parametrize("steps", [0, 1, 2, 3, 170])
def test_labels_steps_and_observables_are_those_of_the_reference(rule: Any, name: str, steps: int) -> None:
    reference, fast = (sweep(rule, name, steps, backend=b) for b in ("numpy", "fast"))
    assert fast.backend == "fast"
    assert np.array_equal(reference.outcome, fast.outcome)
    assert np.array_equal(reference.step, fast.step)
    size = np.maximum(np.linalg.norm(reference.final, axis=-1), 3.0)
    assert np.all(np.linalg.norm(reference.final - fast.final, axis=-1) <= 1e-9 * size)
    for key, value in reference.observables.items():
        assert value.shape == fast.observables[key].shape
        ordinary = np.asarray(reference.outcome != "diverged")
        assert np.allclose(value[..., ordinary], fast.observables[key][..., ordinary], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("rule", "name"), [(sam, "shifted_square(xy)"), (heavy_ball_sam, "log_cosh(xy)"), *CASES])
@pytest.mark.parametrize("record", ["final", 7])
def test_exact_settling_changes_no_bit(rule: Any, name: str, record: Any) -> None:
    runs = [sweep(rule, name, 600, settling=s, record=record) for s in ("off", "exact")]
    assert equal(*runs)
    assert np.all(np.asarray(runs[0].settled) == -1)
    if (rule, name) == (gd, "shifted_square(xy)"):
        assert np.any(np.asarray(runs[1].settled) > 0)


@pytest.mark.parametrize(
    ("rule", "name"), [(sam, "shifted_square(xy)"), (usam, "log_cosh(xy)"), (heavy_ball_sam, "log_cosh(xy)")]
)
@pytest.mark.parametrize("settling", ["exact", 1e-10])
def test_labels_follow_from_the_recorded_iterates(rule: Any, name: str, settling: Any) -> None:
    """Chaotic orbits leave the reference, but their labels are those of the states that were recorded."""
    from sam_theory.dynamics._outcome import Monitor, label

    run = sweep(rule, name, 300, settling=settling, record="all", observables={})
    assert run.states is not None
    states = run.states.reshape(301, -1, 2).transpose(0, 2, 1)
    outcome, step = np.ravel(run.outcome), np.ravel(run.step)
    monitor, stuck = Monitor(states[0]), np.zeros(len(outcome), dtype=bool)
    for i in range(1, 301):
        monitor.update(i, np.ascontiguousarray(states[i - 1]), np.ascontiguousarray(states[i]), stuck)
    names, since = label(monitor.settled_since, monitor.cycling_since, monitor.stuck, 300, len(rule.state))
    judged = ~np.isin(outcome, ["diverged", "zero-gradient"])
    assert judged.any()
    assert np.array_equal(names[judged], outcome[judged])
    assert np.array_equal(since[judged], step[judged])
    lost = np.flatnonzero(outcome == "diverged")
    assert all(np.all(states[step[i] :, :, i] == states[step[i], :, i]) for i in lost)


def test_a_tolerance_stops_at_the_step_of_the_reference_and_goes_on_in_turn() -> None:
    reference, fast = (sweep(usam, "log_cosh(xy)", 301, settling=1e-9, record=1, backend=b) for b in ("numpy", "fast"))
    settled = np.asarray(fast.settled)
    assert np.array_equal(reference.settled, settled)
    assert np.mean(settled > 0) > 0.9
    assert fast.states is not None
    for i, j in zip(*np.nonzero(settled > 0), strict=True):
        path = fast.states[settled[i, j] - 1 :, i, j]
        assert np.array_equal(path[2:], path[:-2])
    assert np.array_equal(reference.outcome, fast.outcome)
    assert np.array_equal(reference.step, fast.step)


def test_slow_drift_of_sam_is_not_frozen() -> None:
    """SAM drifts by O(η ρ²) per step along the valley: a loose tolerance takes that for rest, exact settling never."""
    options: dict[str, Any] = {"params": {"eta": 0.2, "rho": 1e-3}, "steps": 40_000, "backend": "fast", "threads": 1}
    map = Map(sam, LOSSES["log_cosh(xy)"])
    exact, off, loose = (simulate(map, [0.5, 3.0], settling=s, **options) for s in ("exact", "off", 1e-5))
    assert equal(exact, off)
    assert exact.settled == -1
    assert 0 < loose.settled < 40_000
    drift = off.final[1] - simulate(map, [0.5, 3.0], **{**options, "steps": 20_000}).final[1]
    assert abs(drift) > 1e-3
    assert abs(loose.final[1] - off.final[1]) > 1e-3


@pytest.mark.parametrize(("rule", "name"), [(sam, "shifted_square(xy)"), (heavy_ball_sam, "log_cosh(xy)")])
@pytest.mark.parametrize("record", ["final", 5])
def test_bits_depend_neither_on_threads_nor_on_lanes_nor_on_tiles(
    rule: Any, name: str, record: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sam_theory.dynamics import _fast

    first = sweep(rule, name, 200, record=record)
    for threads, width, tile in ((2, 32, 64), (3, 8, 40), (1, 1, 8192), (2, 4, 17)):
        monkeypatch.setattr(_fast, "_width", lambda nodes, n, width=width: width)
        monkeypatch.setattr(_fast, "TILE", tile)
        assert equal(first, sweep(rule, name, 200, record=record, threads=threads))


@pytest.mark.parametrize("rule", [sam, random_perturbation(2), scheduled_sam])
def test_a_trajectory_does_not_depend_on_the_batch_around_it(rule: Any) -> None:
    map, rng = Map(rule, LOSSES["shifted_square(xy)"]), np.random.default_rng(0)
    start, n = rng.normal(size=(50, 2)), 50
    parameters = values(map, rng, n)

    def run(at: Any, first: int = 0) -> Trajectory:
        given = {name: v[at] for name, v in parameters.items()}
        observed = {"top": Over("max", x * y)}
        return simulate(
            map, start[at], params=given, steps=90, rng=7, backend="fast", first=first, observables=observed
        )

    whole, tail = run(slice(None)), run(slice(20, None), first=20)
    assert np.array_equal(whole.final[20:], tail.final)
    assert np.array_equal(whole.observables["top"][20:], tail.observables["top"])
    if not rule.noise:
        order = rng.permutation(n)
        shuffled = run(order)
        assert np.array_equal(whole.final[order], shuffled.final)
        assert np.array_equal(np.asarray(whole.step)[order], shuffled.step)


def test_noise_is_drawn_from_the_streams_of_the_reference() -> None:
    map = Map(random_perturbation(2), LOSSES["log_cosh(xy)"])
    parameters = {n: 0.1 for n in map.parameters}
    start = np.random.default_rng(1).normal(size=(40, 2))
    reference, fast = (
        simulate(map, start, params=parameters, steps=700, rng=11, backend=b, first=3) for b in ("numpy", "fast")
    )
    assert fast.backend == "fast"
    assert np.allclose(reference.final, fast.final, rtol=1e-9, atol=1e-12)


def test_zero_gradient_and_rest_have_the_labels_of_the_reference() -> None:
    w = sp.Symbol("w", real=True)
    loss = Expression(sp.Piecewise((w**2, w > 0), (0, True)), (w,))
    start = np.array([[0.0], [-1.0], [1.0], [1e-200], [1e13]])
    for rule, parameters in ((gd, {"eta": 0.5}), (gd, {"eta": 0.3}), (sam, {"eta": 0.5, "rho": 0.1})):
        runs = [
            simulate(Map(rule, loss), start, params=parameters, steps=s, settling=settling, backend=b)
            for s in (1, 2, 60)
            for settling in ("exact", "off")
            for b in ("numpy", "fast")
        ]
        for reference, fast in zip(runs[::2], runs[1::2], strict=True):
            assert fast.backend == "fast"
            assert np.array_equal(reference.outcome, fast.outcome)
            assert np.array_equal(reference.step, fast.step)
    assert "zero-gradient" in runs[0].outcome


def test_functions_are_observed_at_records() -> None:
    def product(state: dict[str, Any], env: dict[str, Any]) -> Any:
        return state["w"][..., 0] * state["w"][..., 1] + env["t"]

    for record in ("final", 10):
        runs = [
            sweep(sam, "log_cosh(xy)", 30, observables={"f": product}, record=record, backend=b)
            for b in ("numpy", "fast")
        ]
        assert runs[1].backend == "fast"
        assert np.allclose(runs[0].observables["f"], runs[1].observables["f"], rtol=1e-10)


def test_what_has_no_machine_code_says_why_and_runs_on_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    from sam_theory.dynamics import _fast

    quarters = Map(block_sam.fix(parts=4), Product(log_cosh, 400))  # blocks of a loss of two blocks
    many = simulate(quarters, np.ones(800), eta=0.1, rho=0.1, steps=3, backend="fast")
    assert many.backend == "numpy"
    assert "800 coordinates" in many.reason
    monkeypatch.setattr(_fast, "LARGEST", 3)
    small = simulate(Map(sam, LOSSES["rayleigh"]), [1.0, 0.5], eta=0.1, rho=0.1, steps=3, backend="fast")
    assert small.backend == "numpy"
    assert "operations" in small.reason or "coordinates" in small.reason
    monkeypatch.setattr(_fast, "find_spec", lambda name: None)
    missing = sweep(sam, "log_cosh(xy)", 3)
    assert missing.backend == "numpy"
    assert "sam-theory[fast]" in missing.reason


def test_auto_takes_the_reference_for_a_little_and_machine_code_for_a_lot() -> None:
    map = Map(sam, LOSSES["log_cosh(xy)"])
    little = simulate(map, [0.5, 3.0], eta=0.1, rho=0.1, steps=100, backend="auto")
    lot = simulate(map, [0.5, 3.0], eta=np.full(4000, 0.1), rho=0.1, steps=4000, backend="auto")
    assert (little.backend, lot.backend) == ("numpy", "fast")
    assert little.reason and lot.reason


@pytest.mark.parametrize(
    "options", [{"backend": "gpu"}, {"settling": "soon"}, {"settling": 0.0}, {"threads": 0}, {"first": -1}]
)
def test_options_that_mean_nothing_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        sweep(sam, "log_cosh(xy)", 3, **options)


def test_a_long_orbit_is_the_same_by_generated_python_and_by_machine_code() -> None:
    map, parameters = Map(sam, LOSSES["log_cosh(xy)"]), {"eta": 0.1, "rho": 0.1}
    runs = [orbit(map, [1.0, 2.0], 400_000, parameters, 100_000, backend=b) for b in ("python", "fast", "auto")]
    assert [run.backend for run in runs[1:]] == ["fast", "fast"]
    assert runs[0].outcome is runs[1].outcome
    assert abs(int(runs[0].step) - int(runs[1].step)) <= 2
    assert runs[0].states is not None and runs[1].states is not None
    np.testing.assert_allclose(runs[0].states, runs[1].states, rtol=1e-9, atol=1e-30)
    assert equal(runs[1], runs[2])
    with pytest.raises(InputError, match="backend"):
        orbit(map, [1.0, 2.0], 10, parameters, backend="numpy")


@pytest.mark.parametrize("record", ["final", 1])
def test_empty_batches_and_huge_starts_are_those_of_the_reference(record: Any) -> None:
    map = Map(sam, LOSSES["log_cosh(xy)"])
    starts = (np.zeros((0, 2)), np.array([[1.7e308, 1.7e308], [1e12, 0.0], [1e12, 1e12], [1e-300, 1e-300], [0.0, 0.0]]))
    for start in starts:
        observed = {"top": Over("max", sp.Abs(x + y))}
        reference, fast = (
            simulate(map, start, eta=0.1, rho=0.1, steps=9, record=record, observables=observed, backend=b)
            for b in ("numpy", "fast")
        )
        assert fast.backend == "fast"
        assert fast.final.shape == reference.final.shape
        assert np.array_equal(reference.outcome, fast.outcome)
        assert np.array_equal(reference.step, fast.step)
        np.testing.assert_allclose(fast.final, reference.final, rtol=1e-12, atol=0)
        np.testing.assert_allclose(fast.observables["top"], reference.observables["top"], rtol=1e-12)


INTERRUPTED = """
import os, signal, threading, time
import numpy as np, sympy as sp
from sam_theory.dynamics import Map, Over, _threads, simulate
from sam_theory.losses import Quadratic, named_losses
from sam_theory.rules import gd, sam

signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests may have it ignored
checked = threading.Event()
check = _threads.Halt.check
_threads.Halt.check = lambda halt: (checked.set(), check(halt))[1]


def interrupt():
    checked.wait()
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGINT)


def attempt(map, start, **given):
    checked.clear()
    thread = threading.Thread(target=interrupt, daemon=True)
    thread.start()
    try:
        simulate(map, start, steps=10**12, backend="fast", threads=2, eta=0.1, **given)
    except KeyboardInterrupt:
        print("stopped")


starts = np.random.default_rng(0).normal(size=(200, 2))
attempt(Map(sam, named_losses()["log_cosh(xy)"]), starts, rho=0.1, settling="off")
attempt(Map(gd, Quadratic(1, 2)), starts, observables={"mean": Over("mean", sp.Symbol("w1"))})
curvatures = [sp.Rational(k, 40) for k in range(1, 41)]
attempt(Map(sam, Quadratic(*curvatures)), np.ones((200, 40)), rho=0.1, settling="off")
"""


def test_an_interrupt_ends_the_threads_of_a_run() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout.split() == ["stopped"] * 3, done.stderr


def test_machine_code_that_nobody_holds_is_given_back() -> None:
    import gc
    import weakref

    from sam_theory.dynamics import _fast
    from sam_theory.kernels._machine import machine

    code = machine("define double @one() {\n ret double 1.0\n}")
    gone = weakref.ref(code)
    assert machine("define double @one() {\n ret double 1.0\n}") is code
    del code
    gc.collect()
    assert gone() is None
    assert _fast.kernel_of.cache_parameters()["maxsize"] == 128


def test_a_tolerance_measures_averages_whose_squares_overflow() -> None:
    start = {"w": [[1.0, 2.0]] * 2, "m": [[1e300, 0.0], [1e-3, 0.0]]}
    given = {"eta": 0.3, "rho": 0.2, "sigma": 0.5, "decay": 0.5}
    reference, fast = (
        simulate(Map(friendly_sam, Quadratic(0, 0)), start, params=given, steps=40, settling=1e-4, backend=b)
        for b in ("numpy", "fast")
    )
    assert np.array_equal(reference.settled, fast.settled)
    assert np.all(np.asarray(fast.settled) > 10)
