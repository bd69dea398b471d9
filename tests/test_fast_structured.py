"""Kernels of vectors against the NumPy reference: maps of many dimensions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from sam_theory.dynamics import Map, Over, simulate
from sam_theory.dynamics._inputs import prepare
from sam_theory.dynamics._structured import run, structured_or_reason
from sam_theory.losses import Expression, MatrixProduct, Product, Quadratic, log_cosh
from sam_theory.rules import RULES

VALUES = {
    "eta": 0.3,
    "rho": 0.2,
    "tau": 0.1,
    "sigma": 0.5,
    "decay": 0.7,
    "momentum": 0.6,
    "weight_decay": 0.05,
    "clip": 0.4,
    "eta_decay": 0.25,
    "rho_decay": 0.5,
}
SMOOTH = [name for name, rule in RULES.items() if not rule.noise and not rule.velocity and rule.samples is None]


def diagonal(d):
    return Quadratic(*(Fraction(k + 1, d) for k in range(d)))


def fast(map, start, steps, params, *, every=0, settling="exact", threads=1, width=None):
    inputs = prepare(map, start, params)
    program = structured_or_reason(map, inputs.state[map.state[0]].shape[0])
    assert not isinstance(program, str), program
    return run(map, program, inputs, steps, every=every, settling=settling, threads=threads, width=width)


def parameters(rule, rng, n):
    """Some the same for all trajectories, some not."""
    given = {name: VALUES[name] for name in rule.parameters}
    given["eta"] = VALUES["eta"] * rng.uniform(0.5, 1.5, n)
    return given


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("d", [4, 18, 100])
def test_a_step_agrees_with_the_reference(name, d):
    rule = RULES[name]
    rng = np.random.default_rng(d)
    n = 37
    map = Map(rule, Quadratic("1/2", dimension=None) if name == "block_sam" else diagonal(d))
    start = {v: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-3, 3, (n, 1)) for v in rule.state}
    given = parameters(rule, rng, n)
    reference = simulate(map, start, steps=1, params=given)
    result = fast(map, start, 1, given)
    wanted = np.concatenate([reference.final_state[v].T for v in map.state])
    scale = np.max([np.abs(v).max(axis=1) for v in start.values()], axis=0) + VALUES["rho"]
    assert np.max(np.abs(result.final - wanted) / scale) < 1e-12


@pytest.mark.parametrize("name", ["gd", "sam", "heavy_ball_sam", "usam"])
def test_labels_and_steps_are_those_of_the_reference(name):
    """Step sizes on both sides of stability, so that trajectories converge, alternate, diverge or do none of it."""
    rule = RULES[name]
    rng = np.random.default_rng(1)
    n, d, steps = 60, 20, 700
    map = Map(rule, diagonal(d))
    start = rng.standard_normal((n, d))
    given = {name: VALUES[name] for name in rule.parameters}
    given["eta"] = np.linspace(0.2, 4.4 if "momentum" in rule.parameters else 2.4, n)
    given["rho"] = 0.05
    given = {k: v for k, v in given.items() if k in rule.parameters}
    reference = simulate(map, start, steps=steps, params=given)
    result = fast(map, start, steps, given)
    assert result.outcome.tolist() == reference.outcome.tolist()
    # A displacement at the bound may fall on either side by rounding.
    assert np.max(np.abs(result.step - reference.step)) <= 1
    assert np.mean(result.step == reference.step) > 0.9
    assert len(set(result.outcome)) > 1


def same(a, b):
    for name in ("final", "outcome", "step", "settled"):
        assert np.array_equal(getattr(a, name), getattr(b, name)), name
    if a.records is not None:
        assert np.array_equal(a.records, b.records)


def test_bits_depend_neither_on_threads_nor_on_registers_nor_on_the_batch():
    rng = np.random.default_rng(2)
    n, d, steps = 45, 30, 1500
    map = Map(RULES["sam"], diagonal(d))
    start = rng.standard_normal((n, d))
    eta = rng.uniform(0.3, 2.2, n)
    given = {"eta": eta, "rho": 0.1}
    whole = fast(map, start, steps, given, every=500)
    same(whole, fast(map, start, steps, given, every=500, threads=3))
    for width in (1, 4, 32):
        same(whole, fast(map, start, steps, given, every=500, width=width))
    for i in (0, 17, 44):
        alone = fast(map, start[i], steps, {"eta": eta[i], "rho": 0.1}, every=500)
        assert np.array_equal(alone.final[:, 0], whole.final[:, i])
        assert np.array_equal(alone.records[:, :, 0], whole.records[:, :, i])
        assert (alone.outcome[0], alone.step[0], alone.settled[0]) == (
            whole.outcome[i],
            whole.step[i],
            whole.settled[i],
        )


def test_settling_changes_nothing():
    rng = np.random.default_rng(3)
    n, d, steps = 24, 6, 4000
    map = Map(RULES["sam"], Quadratic(1, *(Fraction(k + 1, 10) for k in range(1, d))))
    start = rng.standard_normal((n, d))
    given = {"eta": rng.uniform(0.9, 1.9, n), "rho": 0.1}
    exact = fast(map, start, steps, given, every=333)
    off = fast(map, start, steps, given, every=333, settling="off")
    assert (exact.settled >= 0).any()
    assert (off.settled == -1).all()
    for name in ("final", "outcome", "step", "records"):
        assert np.array_equal(getattr(exact, name), getattr(off, name)), name


@pytest.mark.parametrize("settling", ["exact", 1e-9])
def test_trajectories_stop_where_the_reference_stops_them(settling):
    """GD comes to rest, SAM alternates, heavy balls do so with two vectors."""
    rng = np.random.default_rng(4)
    n, d = 9, 7
    for name in ("gd", "sam", "heavy_ball"):
        rule = RULES[name]
        map = Map(rule, Quadratic(1, *(Fraction(k + 1, 10) for k in range(1, d))))
        start = {v: rng.integers(1, 4, (n, d)) / 2.0 for v in rule.state}
        given = {"rho": 0.1, "momentum": 0.25, "eta": rng.uniform(0.7, 1.3, n)}
        given = {key: value for key, value in given.items() if key in rule.parameters}
        steps = 1200
        reference = simulate(map, start, steps=steps, params=given, settling=settling, record=600)
        result = fast(map, start, steps, given, settling=settling, every=600)
        if settling != "exact":
            assert (reference.settled >= 0).all()
            assert np.max(np.abs(result.settled - reference.settled)) <= 1
            assert np.max(np.abs(result.records - reference.states.transpose(0, 2, 1))) < 1e-9
        assert result.outcome.tolist() == reference.outcome.tolist()
        assert np.max(np.abs(result.step - reference.step)) <= 1


def test_a_diverged_trajectory_is_held_at_its_last_finite_state():
    d = 16
    map = Map(RULES["gd"], diagonal(d))
    start = np.ones((3, d)) * np.array([1.0, 1e3, 1e11])[:, None]
    reference = simulate(map, start, steps=400, eta=3.0)
    result = fast(map, start, 400, {"eta": 3.0})
    assert result.outcome.tolist() == ["diverged"] * 3
    assert result.step.tolist() == reference.step.tolist()
    assert np.allclose(result.final.T, reference.final, rtol=1e-9)


def test_what_no_kernel_takes_goes_on_in_the_reference():
    """Gradients of size 1e-150, of size 0, and one that only vanishes on the way."""
    d = 8
    map = Map(RULES["sam"], diagonal(d))
    start = np.ones((4, d))
    start[0] *= 1e-150
    start[1] = 0.0
    given = {"eta": 0.3, "rho": np.array([1e-151, 0.1, 0.1, 0.0])}
    reference = simulate(map, start, steps=800, params=given)
    result = fast(map, start, 800, given)
    assert result.outcome.tolist() == reference.outcome.tolist()
    assert np.allclose(result.final.T, reference.final, rtol=1e-9, atol=1e-310)


def test_reduced_observables_are_those_of_all_steps():
    import sympy as sp

    from sam_theory.arithmetic import VectorSymbol, norm

    d, steps = 40, 60
    map = Map(RULES["sam"], diagonal(d))
    start = np.random.default_rng(5).standard_normal((6, d))
    over = {
        "top": Over("max", sp.Abs(sp.Symbol("w3", real=True))),
        "mean": Over("mean", norm(VectorSymbol("w")), last=20),
    }
    both = {"backend": "fast"}, {"backend": "numpy"}
    result, reference = (simulate(map, start, steps=steps, eta=0.8, rho=0.3, observables=over, **b) for b in both)
    assert (result.backend, reference.backend) == ("fast", "numpy")
    for name in over:
        assert np.allclose(result.observables[name], reference.observables[name], rtol=1e-9)


@pytest.mark.parametrize("record", ["final", "all", 7])
def test_simulate_takes_kernels_of_vectors_for_many_dimensions(record):
    d, steps = 36, 50
    map = Map(RULES["heavy_ball_sam"], diagonal(d))
    start = np.random.default_rng(6).standard_normal((2, 5, d))
    given = {"eta": np.array([0.3, 0.5])[:, None], "rho": 0.1, "momentum": 0.4, "steps": steps, "record": record}
    result, reference = (simulate(map, start, backend=b, **given) for b in ("fast", "numpy"))
    assert (result.backend, result.reason) == ("fast", "asked for")
    assert np.allclose(result.final, reference.final, rtol=0, atol=1e-11)
    assert np.allclose(result.final_state["v"], reference.final_state["v"], rtol=0, atol=1e-11)
    if record != "final":
        assert np.allclose(result.states, reference.states, rtol=0, atol=1e-11)


# -- dense quadratics ---------------------------------------------------------------------------------------
def dense(d, rng):
    a = rng.integers(-4, 5, (d, d))
    a = a @ a.T
    return Quadratic(matrix=[[Fraction(int(x), 16 * d) for x in row] for row in a])


@pytest.mark.parametrize("name", ["gd", "sam", "clipped_sam", "heavy_ball_usam", "friendly_sam", "scheduled_sam"])
def test_a_dense_quadratic_in_its_eigenbasis_agrees_with_the_reference(name):
    rng = np.random.default_rng(7)
    n, d = 21, 24
    rule = RULES[name]
    map = Map(rule, dense(d, rng))
    start = rng.standard_normal((n, d))
    given = parameters(rule, rng, n)
    reference = simulate(map, start, steps=12, params=given, record=4)
    result = fast(map, start, 12, given, every=4)
    wanted = reference.states.transpose(0, 2, 1)
    assert np.max(np.abs(result.records - wanted)) < 1e-11 * np.abs(wanted).max()
    assert result.outcome.tolist() == reference.outcome.tolist()
    alone = fast(map, start[3], 12, {k: v if np.ndim(v) == 0 else v[3] for k, v in given.items()}, every=4)
    assert np.array_equal(alone.final[:, 0], result.final[:, 3])


def test_rules_that_a_rotation_changes_are_named():
    map = Map(RULES["asam"], dense(6, np.random.default_rng(0)))
    assert "a rotation changes" in structured_or_reason(map, 6)
    unlike = Map(RULES["sam"], Expression("x**2 + cos(y)"))
    assert "different formulas" in structured_or_reason(unlike, 2)


def test_products_of_vectors_run_in_blocks():
    rng = np.random.default_rng(9)
    map = Map(RULES["sam"], Product(log_cosh, 40))
    start = rng.standard_normal((18, 80)) * 0.3
    given = {"eta": rng.uniform(0.05, 0.2, 18), "rho": 0.1}
    reference = simulate(map, start, steps=10, params=given)
    result = fast(map, start, 10, given)
    assert np.max(np.abs(result.final.T - reference.final)) < 1e-12


# -- products of matrices -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["gd", "sam", "stable_sam", "heavy_ball_sam"])
def test_products_of_matrices_run_in_loops(name):
    rng = np.random.default_rng(11)
    rule = RULES[name]
    target = [[(i + 2 * j) % 3 for j in range(4)] for i in range(5)]
    map = Map(rule, MatrixProduct(log_cosh, 5, 4, 3, target))
    start = rng.standard_normal((19, 27))
    given = parameters(rule, rng, 19)
    given["eta"] = given["eta"] * 0.1
    reference = simulate(map, start, steps=1, params=given)
    result = fast(map, start, 1, given)
    assert np.max(np.abs(result.final[:27].T - reference.final)) < 1e-12
    reference = simulate(map, start, steps=20, params=given)
    result = fast(map, start, 20, given)
    assert np.max(np.abs(result.final[:27].T - reference.final)) < 1e-8
    assert result.outcome.tolist() == reference.outcome.tolist()
    for width in (1, 8):
        same(result, fast(map, start, 20, given, width=width))
