"""Simulated trajectories against 50-digit arithmetic, the outcome labels, batches, long orbits, bad input."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from mpmath import mp, mpf

from sam_theory.arithmetic import VectorSymbol, dot, grad, norm, value
from sam_theory.dynamics import Map, Outcome, Over, fixed_points, orbit, simulate, two_cycles
from sam_theory.errors import InputError
from sam_theory.losses import Expression, Product, Quadratic, RayleighQuotient, log_cosh, shifted_square, sqrt1p
from sam_theory.losses._links import even_link
from sam_theory.rules import FiniteLaw, gd, rule, sam, usam

X, Y = sp.symbols("x y", real=True)
W = VectorSymbol("w")
QUADRATIC = Map(sam, Quadratic(1))


# -- an implementation of rules and losses of its own ---
def _scaled(c: Any, v: Any) -> list[Any]:
    return [c * a for a in v]


def _plus(u: Any, v: Any) -> list[Any]:
    return [a + b for a, b in zip(u, v, strict=True)]


def _inner(u: Any, v: Any) -> Any:
    return mp.fsum(a * b for a, b in zip(u, v, strict=True))


def _product_gradient(slope: Any) -> Any:
    def gradient(w: Any) -> list[Any]:
        d = len(w) // 2
        x, y = w[:d], w[d:]
        s = slope(_inner(x, y))
        return _scaled(s, y) + _scaled(s, x)

    return gradient


def _matrix_gradient(rows: Any) -> Any:
    return lambda w: [_inner([mpf(a) for a in row], w) for row in rows]


def _rayleigh_gradient(rows: Any) -> Any:
    def gradient(w: Any) -> list[Any]:
        aw, n = _matrix_gradient(rows)(w), _inner(w, w)
        r = _inner(w, aw) / n
        return [2 * (a - r * b) / n for a, b in zip(aw, w, strict=True)]

    return gradient


MATRIX = [[2, 1, 0], [1, 3, -1], [0, -1, 1]]
RAYLEIGH = [[1, 1, 0], [1, 4, 2], [0, 2, 9]]
LOSSES: dict[str, tuple[Any, Any, list[float], float]] = {
    "quadratic": (Quadratic(3), lambda w: [3 * w[0]], [1.5], 0.3),
    "quadratic in 4 dimensions": (
        Quadratic(1, 2, "1/2", 5),
        lambda w: [w[0], 2 * w[1], w[2] / 2, 5 * w[3]],
        [1.0, -2.0, 3.0, 0.25],
        0.15,
    ),
    "isotropic quadratic": (
        Quadratic(2, dimension=None),
        lambda w: _scaled(mpf(2), w),
        [1.0, -2.0, 0.5],
        0.3,
    ),
    "matrix quadratic": (Quadratic(matrix=MATRIX), _matrix_gradient(MATRIX), [1.0, -2.0, 0.5], 0.2),
    "log cosh(xy)": (Product(log_cosh), _product_gradient(mp.tanh), [0.5, 3.0], 0.05),
    "sqrt(1+(xy)^2)": (
        Product(sqrt1p),
        _product_gradient(lambda z: z / mp.sqrt(1 + z * z)),
        [1.0, 2.0],
        0.05,
    ),
    "(xy-1)^2/2": (Product(shifted_square), _product_gradient(lambda z: z - 1), [0.3, 1.2], 0.1),
    "log cosh(x·y), d=3": (
        Product(log_cosh, 3),
        _product_gradient(mp.tanh),
        [0.5, 1.0, -0.25, 1.5, 0.75, 2.0],
        0.05,
    ),
    "expression": (
        Expression((1 - X) ** 2 / 2 + X**2 * Y**2 / 2 + sp.exp(Y / 4), [X, Y]),
        lambda w: [w[0] - 1 + w[0] * w[1] ** 2, w[0] ** 2 * w[1] + mp.exp(w[1] / 4) / 4],
        [0.2, 1.4],
        0.1,
    ),
    "Rayleigh quotient": (RayleighQuotient(RAYLEIGH), _rayleigh_gradient(RAYLEIGH), [1.0, 0.5, 0.75], 0.05),
}
RHO = 0.05


def reference(name: str, rule_name: str, steps: int) -> list[Any]:
    """The final state in 50 digits."""
    _, gradient, start, eta = LOSSES[name]
    with mp.workdps(50):
        w = [mpf(a) for a in start]
        for _ in range(steps):
            g = gradient(w)
            if rule_name == "sam":
                n = mp.sqrt(_inner(g, g))
                g = gradient(_plus(w, _scaled(mpf(RHO) / n, g))) if n else g
            elif rule_name == "usam":
                g = gradient(_plus(w, _scaled(mpf(RHO), g)))
            w = _plus(w, _scaled(-mpf(eta), g))
        return w


def _parameters(name: str, rule_name: str) -> dict[str, float]:
    eta = LOSSES[name][3]
    return {"eta": eta} if rule_name == "gd" else {"eta": eta, "rho": RHO}


@pytest.mark.parametrize("rule_name", ["gd", "sam", "usam"])
@pytest.mark.parametrize("name", LOSSES)
def test_end_states_agree_with_fifty_digits(name: str, rule_name: str) -> None:
    loss, _, start, _ = LOSSES[name]
    the_map = Map({"gd": gd, "sam": sam, "usam": usam}[rule_name], loss)
    steps = 60
    want = reference(name, rule_name, steps)
    params = _parameters(name, rule_name)
    size = float(mp.sqrt(_inner(want, want)))
    for run in (simulate(the_map, start, steps=steps, **params), orbit(the_map, start, steps, params)):
        error = float(mp.sqrt(mp.fsum((mpf(float(a)) - b) ** 2 for a, b in zip(run.final, want, strict=True))))
        assert error <= 1e-9 * size
        assert run.variables == (loss.variables if loss.dimension else ("w1", "w2", "w3"))


@pytest.mark.parametrize("rule_name", ["gd", "sam", "usam"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_trajectory_alone_has_the_same_bits_as_in_a_batch(name: str, rule_name: str) -> None:
    loss, _, start, eta = LOSSES[name]
    the_map = Map({"gd": gd, "sam": sam, "usam": usam}[rule_name], loss)
    rng = np.random.default_rng(1)
    n = 37
    starts = np.array(start) + rng.normal(size=(n, len(start)))
    etas = eta * rng.uniform(0.5, 3.0, size=n)  # some diverge, some are chaotic
    params = {} if rule_name == "gd" else {"rho": rng.uniform(0.0, 1.0, size=n)}
    batch = simulate(the_map, starts, params={"eta": etas, **params}, steps=40, record="all")
    for i in range(n):
        own = {k: float(v[i]) for k, v in {"eta": etas, **params}.items()}
        alone = simulate(the_map, starts[i], params=own, steps=40, record="all")
        assert alone.states.tobytes() == np.ascontiguousarray(batch.states[:, i]).tobytes()
        assert alone.final.tobytes() == batch.final[i].tobytes()
        assert (str(alone.outcome), alone.step) == (batch.outcome[i], batch.step[i])
    order = rng.permutation(n)
    again = simulate(
        the_map,
        starts[order],
        params={"eta": etas[order], **{k: v[order] for k, v in params.items()}},
        steps=40,
    )
    assert again.final.tobytes() == batch.final[order].tobytes()


def test_parameters_and_starts_broadcast_like_numpy() -> None:
    the_map = Map(sam, Product(log_cosh))
    starts = np.random.default_rng(0).normal(size=(4, 1, 2))
    etas, rhos = np.linspace(0.1, 0.3, 5), np.full((3, 1, 1), 0.1)
    run = simulate(the_map, starts, eta=etas, rho=rhos, steps=7, record=3, observables={"loss": value(W)})
    assert run.final.shape == (3, 4, 5, 2)
    assert run.states.shape == (3, 3, 4, 5, 2)
    assert run.recorded_steps.tolist() == [0, 3, 6]
    assert run.outcome.shape == run.step.shape == (3, 4, 5)
    assert run.observables["loss"].shape == (3, 3, 4, 5)
    one = simulate(the_map, starts[2, 0], eta=etas[4], rho=0.1, steps=7)
    assert one.final.tobytes() == run.final[1, 2, 4].tobytes()
    assert isinstance(one.outcome, Outcome) and isinstance(one.step, int)
    none = simulate(the_map, np.zeros((0, 2)), eta=0.1, rho=0.1, steps=3)
    assert none.final.shape == (0, 2) and none.outcome.shape == (0,)


# -- outcomes ---
@pytest.mark.parametrize(
    ("the_map", "start", "params", "steps", "outcome", "step"),
    [
        (Map(gd, Quadratic(1)), [1.0], {"eta": 0.5}, 20, Outcome.RUNNING, 20),
        # displacement 2^-t <= 1e-12 from step 40 on; underflow to an exact zero much later changes nothing
        (Map(gd, Quadratic(1)), [1.0], {"eta": 0.5}, 100, Outcome.CONVERGED, 40),
        (Map(gd, Quadratic(1)), [1.0], {"eta": 0.5}, 3000, Outcome.CONVERGED, 40),
        (Map(gd, Quadratic(1)), [1.0], {"eta": 0.75}, 3000, Outcome.CONVERGED, 21),
        (Map(gd, Quadratic(1)), [1e-200], {"eta": 0.5}, 100, Outcome.CONVERGED, 40),
        (QUADRATIC, [1.0], {"eta": 0.5, "rho": 0.3}, 400, Outcome.PERIOD_2, None),
        (QUADRATIC, [1.0], {"eta": 0.5, "rho": 0.3}, 401, Outcome.PERIOD_2, None),
        (Map(gd, Quadratic(1)), [1.0], {"eta": 2.0}, 10, Outcome.PERIOD_2, 2),
        # |1 - 11|^t > 1e12 first at t = 13
        (Map(gd, Quadratic(1)), [1.0], {"eta": 11.0}, 50, Outcome.DIVERGED, 13),
        (Map(gd, Expression(X**4, [X])), [1e11], {"eta": 1.0}, 50, Outcome.DIVERGED, 1),
        (Map(gd, Expression(X**400, [X])), [1e11], {"eta": 1.0}, 50, Outcome.DIVERGED, 1),
        (Map(gd, Expression(sp.exp(X**2), [X])), [1e5], {"eta": 1.0}, 50, Outcome.DIVERGED, 1),
        (Map(gd, Quadratic(1)), [1e13], {"eta": 0.5}, 50, Outcome.DIVERGED, 0),
        (Map(gd, Quadratic(1)), [1.0], {"eta": 1.0}, 50, Outcome.ZERO_GRADIENT, 2),
        (QUADRATIC, [0.0], {"eta": 1.0, "rho": 1.0}, 50, Outcome.ZERO_GRADIENT, 1),
        (Map(sam, Product(log_cosh)), [0.0, 2.0], {"eta": 1.0, "rho": 1.0}, 50, Outcome.ZERO_GRADIENT, 1),
        (QUADRATIC, [0.0], {"eta": 1.0, "rho": 1.0}, 0, Outcome.RUNNING, 0),
    ],
)
def test_each_outcome(
    the_map: Map, start: Any, params: dict[str, float], steps: int, outcome: Outcome, step: int | None
) -> None:
    batch = simulate(the_map, start, params=params, steps=steps)
    single = orbit(the_map, start, steps, params)
    for run in (batch, single):
        assert run.outcome is outcome
        assert step is None or run.step == step
        assert np.isfinite(run.final).all()
    assert batch.step == single.step


def test_a_non_finite_step_keeps_the_last_finite_state() -> None:
    for run in (
        simulate(Map(gd, Expression(X**400, [X])), [1e11], eta=1.0, steps=5, record="all"),
        orbit(Map(gd, Expression(X**400, [X])), [1e11], 5, {"eta": 1.0}, record_every=1),
    ):
        assert run.final.tolist() == [1e11]
        assert run.states.tolist() == [[1e11]] * 6


def test_nothing_but_labelled_finite_states_comes_back() -> None:
    rng = np.random.default_rng(3)
    for name, (loss, _, start, _) in LOSSES.items():
        starts = (
            np.array(start)
            * 10.0 ** rng.uniform(-200, 8, size=(200, 1))
            * rng.choice([-1, 0, 1], size=(200, len(start)))
        )
        run = simulate(Map(sam, loss), starts, eta=10.0 ** rng.uniform(-3, 6, 200), rho=1.0, steps=60, record="all")
        if name != "Rayleigh quotient":
            assert np.isfinite(run.states).all()
        else:  # undefined at the origin: the first step is labelled, the start is kept
            assert np.isfinite(run.states).all()
            assert (run.outcome[(starts == 0).all(axis=1)] == Outcome.DIVERGED).all()
        assert set(run.outcome.tolist()) <= {str(o) for o in Outcome}


def test_every_outcome_explains_cause_and_remedies() -> None:
    for outcome in Outcome:
        assert "(a)" in outcome.text and "(b)" in outcome.text and "\n" not in outcome.text


def test_held_trajectories_do_not_disturb_the_others() -> None:
    the_map = Map(gd, Quadratic(1))
    run = simulate(the_map, [[1.0]] * 4, eta=[11.0, 1.0, 0.5, 2.0], steps=100, record=10)
    assert run.outcome.tolist() == ["diverged", "zero-gradient", "converged", "period-2"]
    assert run.step.tolist() == [13, 2, 40, 2]
    assert (run.states[2:, 0] == run.final[0]).all() and (run.states[1:, 1] == 0).all()


# -- observables ---
def test_observables_are_taken_at_the_recorded_steps() -> None:
    eta, t = sp.symbols("eta t", real=True)
    run = simulate(
        Map(sam, Product(log_cosh)), [[0.5, 3.0], [1.0, 2.0]], eta=[0.1, 0.2], rho=0.1, steps=6, record=2,
        observables={
            "balancedness": Y**2 - X**2,
            "clock": eta * t,
            "moved": norm(W - VectorSymbol("w_start")),
            "square": dot(grad(W), grad(W)),
            "gradient": grad(W),
            "constant": sp.Integer(2),
            "own": lambda state, env: state["w"][..., 0] * env["eta"] + env["t"],
        },
    )  # fmt: skip
    x, y = run.states[..., 0], run.states[..., 1]
    slope = np.tanh(x * y)
    expected = {
        "balancedness": y**2 - x**2,
        "clock": np.array([0, 2, 4, 6])[:, None] * np.array([0.1, 0.2]),
        "moved": np.hypot(x - x[0], y - y[0]),
        "square": slope**2 * (x**2 + y**2),
        "gradient": np.stack([slope * y, slope * x], axis=-1),
        "constant": np.full((4, 2), 2.0),
        "own": x * np.array([0.1, 0.2]) + np.array([0, 2, 4, 6])[:, None],
    }
    for name, want in expected.items():
        np.testing.assert_allclose(run.observables[name], want, rtol=1e-13, atol=1e-13)


# -- rules of one's own ---
@rule
def heavy_ball(space: Any, w: Any, v: Any, *, eta: Any, mu: Any) -> Any:
    """Momentum."""
    v = mu * v - eta * space.grad(w)
    return {"w": w + v, "v": v}


@rule
def decaying(space: Any, w: Any, *, eta: Any, k: Any) -> Any:
    """A schedule."""
    return w - eta / (k + 1) * space.grad(w)


@rule(noise={"xi": FiniteLaw(((Fraction(-1), Fraction(1, 4)), (Fraction(1), Fraction(3, 4))))})
def noisy(space: Any, w: Any, *, eta: Any, xi: Any) -> Any:
    """The gradient changes its sign one time in four."""
    return w - eta * xi * space.grad(w)


def test_momentum_keeps_moving_through_a_zero_gradient() -> None:
    the_map = Map(heavy_ball, Quadratic(1))
    w, v = mpf(1), mpf(0)
    for _ in range(40):
        v = mpf(0.9) * v - mpf(0.1) * w
        w += v
    run = simulate(the_map, [1.0], eta=0.1, mu=0.9, steps=40)
    assert run.final[0] == pytest.approx(float(w), rel=1e-12)
    assert run.final_state["v"][0] == pytest.approx(float(v), rel=1e-12)
    assert orbit(the_map, [1.0], 40, {"eta": 0.1, "mu": 0.9}).final[0] == pytest.approx(float(w), rel=1e-12)
    moving = simulate(the_map, {"w": [0.0], "v": [1.0]}, eta=0.1, mu=0.9, steps=1)
    assert moving.final.tolist() == [0.9] and moving.outcome is Outcome.RUNNING
    still = simulate(the_map, [0.0], eta=0.1, mu=0.9, steps=5)
    assert (still.outcome, still.step) == (Outcome.ZERO_GRADIENT, 1)
    for run in (
        simulate(the_map, [1.0], eta=0.1, mu=0.9, steps=2000),
        orbit(the_map, [1.0], 2000, {"eta": 0.1, "mu": 0.9}),
    ):
        assert run.outcome is Outcome.CONVERGED


def test_a_schedule_counts_steps_from_zero() -> None:
    want = Fraction(1)
    for k in range(5):
        want -= Fraction(1, 2) / (k + 1) * want
    assert simulate(Map(decaying, Quadratic(1)), [1.0], eta=0.5, steps=5).final[0] == pytest.approx(float(want))
    assert orbit(Map(decaying, Quadratic(1)), [1.0], 5, {"eta": 0.5}).final[0] == pytest.approx(float(want))


def test_standing_still_once_is_not_the_end() -> None:
    @rule
    def warm(space: Any, w: Any, *, eta: Any, k: Any) -> Any:
        return w - eta * k * space.grad(w)

    @rule(noise={"xi": FiniteLaw(((Fraction(0), Fraction(9, 10)), (Fraction(1), Fraction(1, 10))))})
    def lazy(space: Any, w: Any, *, eta: Any, xi: Any) -> Any:
        return w - eta * xi * space.grad(w)

    @rule
    def delayed(space: Any, w: Any, v: Any, *, eta: Any) -> Any:
        return {"w": w + v, "v": -eta * space.grad(w)}

    for run in (
        simulate(Map(warm, Quadratic(1)), [1.0], eta=0.1, steps=4),
        orbit(Map(warm, Quadratic(1)), [1.0], 4, {"eta": 0.1}),
    ):
        assert run.final[0] == pytest.approx(0.9 * 0.8 * 0.7)
    assert (simulate(Map(lazy, Quadratic(1)), np.ones((50, 1)), eta=0.1, steps=200, rng=0).final < 0.9).all()
    for steps, outcome in ((1, Outcome.RUNNING), (2, Outcome.RUNNING), (3000, Outcome.CONVERGED)):
        run = simulate(Map(delayed, Quadratic(1)), [1.0], eta=0.1, steps=steps)
        assert run.outcome is outcome is orbit(Map(delayed, Quadratic(1)), [1.0], steps, {"eta": 0.1}).outcome


def test_noise_depends_on_seed_and_trajectory_alone() -> None:
    the_map = Map(noisy, Quadratic(1))
    starts = np.ones((300, 1))
    run = simulate(the_map, starts, eta=0.1, steps=700, rng=5, record="all")
    assert run.states.tobytes() == simulate(the_map, starts, eta=0.1, steps=700, rng=5, record="all").states.tobytes()
    few = simulate(the_map, starts[:3], eta=0.1, steps=700, rng=5)
    assert few.final.tobytes() == run.final[:3].tobytes()
    mixed = simulate(the_map, starts[:3], eta=[0.1, 1e9, 0.1], steps=700, rng=5)
    assert mixed.outcome[1] == Outcome.DIVERGED and mixed.final[2] == run.final[2]
    assert not np.array_equal(run.final, simulate(the_map, starts, eta=0.1, steps=700, rng=6).final)
    generator = [simulate(the_map, starts, eta=0.1, steps=9, rng=np.random.default_rng(1)).final for _ in range(2)]
    assert generator[0].tobytes() == generator[1].tobytes()
    up = (run.states[1:, :, 0] > run.states[:-1, :, 0]).mean()
    assert abs(up - 0.25) < 5 * np.sqrt(0.25 * 0.75 / (300 * 700))


def test_a_linear_loss_has_the_same_gradient_everywhere_in_a_batch() -> None:
    run = simulate(Map(gd, Expression(X + 2 * Y, [X, Y])), np.zeros((2, 2)), eta=[1.0, 2.0], steps=1)
    assert run.final.tolist() == [[-1.0, -2.0], [-2.0, -4.0]]


# -- long orbits ---
@pytest.mark.parametrize("name", LOSSES)
def test_orbits_and_batches_tell_the_same_story(name: str) -> None:
    loss, _, start, eta = LOSSES[name]
    for the_rule in (gd, sam, usam):
        for factor in (0.1, 1.0, 30.0):
            params = {"eta": factor * eta} | ({} if the_rule is gd else {"rho": RHO})
            batch = simulate(Map(the_rule, loss), start, params=params, steps=100, record=7)
            single = orbit(Map(the_rule, loss), start, 100, params, record_every=7)
            assert (single.recorded_steps == batch.recorded_steps).all()
            assert single.outcome is batch.outcome
            if factor < 30:  # otherwise chaotic, or far away
                assert abs(single.step - batch.step) <= 1
                np.testing.assert_allclose(single.states, batch.states, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3, 4095, 4096, 4097, 4098, 8191, 8193, 20001, 20002])
def test_an_orbit_ends_in_the_right_phase_of_its_cycle(steps: int) -> None:
    params = {"eta": 0.5, "rho": 0.3}
    batch = simulate(QUADRATIC, [1.0], params=params, steps=steps, record=1)
    single = orbit(QUADRATIC, [1.0], steps, params, record_every=1)
    np.testing.assert_allclose(single.states, batch.states, rtol=1e-12)
    np.testing.assert_allclose(single.final, single.states[-1], rtol=0)
    assert (single.outcome, single.step) == (batch.outcome, batch.step)


def test_the_step_of_a_late_outcome_is_found_across_chunks() -> None:
    the_map = Map(gd, Quadratic(1))
    for eta, steps in ((0.001, 22_000), (1.998, 15_000)):
        batch, single = (
            simulate(the_map, [1.0], eta=eta, steps=steps),
            orbit(the_map, [1.0], steps, {"eta": eta}),
        )
        assert single.outcome is batch.outcome is Outcome.CONVERGED
        assert abs(single.step - batch.step) <= 2 and batch.step > 8192


def test_a_million_steps_take_seconds_at_most() -> None:
    begin = time.perf_counter()
    run = orbit(Map(sam, Product(log_cosh)), [1.0, 2.0], 1_000_000, {"eta": 1e-6, "rho": 0.1})
    assert run.outcome is Outcome.RUNNING and time.perf_counter() - begin < 20


def test_three_hundred_dimensions() -> None:
    d = 300
    eigenvalues = np.linspace(0.1, 1.0, d)
    loss = Quadratic(*[Fraction(float(e)) for e in eigenvalues])
    run = simulate(Map(gd, loss), np.ones(d), eta=0.5, steps=30)
    np.testing.assert_allclose(run.final, (1 - 0.5 * eigenvalues) ** 30, rtol=1e-12)
    rng = np.random.default_rng(0)
    a = rng.integers(-3, 4, size=(d, d))
    a = a + a.T
    dense = Quadratic(matrix=a.tolist())
    start = rng.normal(size=(2, d))
    run = simulate(Map(sam, dense), start, eta=0.01, rho=0.1, steps=20)
    w = start.copy()
    for _ in range(20):
        g = w @ a
        w = w - 0.01 * (w + 0.1 * g / np.linalg.norm(g, axis=1, keepdims=True)) @ a
    np.testing.assert_allclose(run.final, w, rtol=1e-9)
    assert orbit(Map(sam, dense), start[0], 20, {"eta": 0.01, "rho": 0.1}).final.tobytes() == run.final[0].tobytes()


def test_odd_operations_run_as_generated_code() -> None:
    # a fractional power of a negative number, an exp that overflows in Python but not in the end result
    the_map = Map(gd, Expression(sp.tanh(sp.exp(X)) + X**2 / 2, [X]))
    batch, single = simulate(the_map, [800.0], eta=0.5, steps=30), orbit(the_map, [800.0], 30, {"eta": 0.5})
    np.testing.assert_allclose(single.final, batch.final, rtol=1e-12)
    root = Map(gd, Expression(X ** sp.Rational(4, 3), [X]))
    for run in (simulate(root, [-1.0], eta=0.5, steps=3), orbit(root, [-1.0], 3, {"eta": 0.5})):
        assert (run.outcome, run.step, run.final.tolist()) == (Outcome.DIVERGED, 1, [-1.0])


# -- closed forms ---
def test_the_two_cycle_of_sam_on_a_quadratic() -> None:
    lam, eta, rho = sp.symbols("lam eta rho", real=True)
    for loss, curvature in ((Quadratic(lam), lam), (Quadratic(3), 3)):
        [cycle] = two_cycles(Map(sam, loss))
        point = eta * curvature * rho / (2 - eta * curvature)
        assert {sp.simplify(p - point) for p in cycle.points} >= {0}
        assert sp.simplify(sum(cycle.points)) == 0
        assert sp.simplify(cycle.multipliers[0] - (1 - eta * curvature) ** 2) == 0
        assert [c.subs({lam: 3, eta: sp.Rational(1, 2)}) for c in cycle.conditions] == [sp.true]
        assert [c.subs({lam: 3, eta: 1}) for c in cycle.conditions] == [sp.false]


def test_closed_form_cycles_are_where_the_simulation_ends() -> None:
    values = {"eta": Fraction(3, 2), "rho": Fraction(1, 2), "eps": Fraction(1, 10)}
    the_map = Map(sam.free("eps"), Quadratic(1))
    symbols = {s: sp.Rational(values[n].numerator, values[n].denominator) for n, s in the_map.symbols().items()}
    run = simulate(the_map, [1.0], params=values, steps=2000)
    assert run.outcome is Outcome.PERIOD_2
    ends = []
    for cycle in two_cycles(the_map):
        if all(c.xreplace(symbols) == sp.true for c in cycle.conditions):
            points = [float(p.xreplace(symbols)) for p in cycle.points]
            there = simulate(the_map, np.array(points)[:, None], params=values, steps=1)
            np.testing.assert_allclose(there.final[:, 0], points[::-1], rtol=1e-12)
            if abs(float(cycle.multipliers[0].xreplace(symbols))) < 1:
                ends += points
    assert min(abs(e - run.final[0]) for e in ends) < 1e-12


def test_fixed_points() -> None:
    lam = sp.Symbol("lam", real=True)
    [origin] = fixed_points(QUADRATIC)
    assert origin.points == (0,) and origin.multipliers is None
    away = [o for o in fixed_points(Map(sam, Quadratic(lam))) if o.points != (0,)]
    assert {o.points[0] for o in away} == {-sp.Symbol("rho", real=True), sp.Symbol("rho", real=True)}
    assert all(o.conditions == (-lam > 0,) for o in away)
    well = fixed_points(Map(gd, Expression(X**4 / 4 - X**2 / 2, [X])))
    eta = sp.Symbol("eta", real=True)
    assert {o.points[0]: sp.expand(o.multipliers[0]) for o in well} == {
        0: 1 + eta,
        1: 1 - 2 * eta,
        -1: 1 - 2 * eta,
    }
    [flip] = two_cycles(Map(gd, Expression(X**4 / 4, [X])))
    assert flip.multipliers == (25,) and {sp.simplify(p**2 * eta) for p in flip.points} == {2}
    for the_map in (Map(gd, Product(log_cosh)), Map(heavy_ball, Quadratic(1)), Map(decaying, Quadratic(1))):
        with pytest.raises(InputError, match="one dimension"):
            fixed_points(the_map)


# -- bad input ---
NAN, INF = float("nan"), float("inf")
GOOD: dict[str, Any] = {"start": [1.0], "steps": 3, "eta": 0.5, "rho": 0.1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eta": NAN}, "eta is not finite"),
        ({"eta": [0.1, INF]}, "eta is not finite"),
        ({"eta": 0}, "eta is 0; a step size must be positive"),
        ({"eta": [0.1, -1.5]}, "eta is -1.5; a step size must be positive"),
        ({"eta": "big"}, "eta must be a real number"),
        ({"eta": 1j}, "eta must be a real number"),
        ({"eta": None}, "eta must be a real number"),
        ({"eta": [0.1, None]}, "eta must be a real number"),
        ({"eta": 10**400}, "eta must be a real number"),
        ({"start": [[1.0], [1.0, 2.0]]}, "the start 'w' must be a real number or an array"),
        ({"rho": -0.1}, "rho is -0.1.*at least 0"),
        ({"start": [NAN]}, "the start 'w' is not finite"),
        ({"start": [-INF]}, "the start 'w' is not finite"),
        ({"start": [1.0, 2.0]}, "has dimension 1"),
        ({"start": {"v": [1.0]}}, "no state vector 'v'"),
        ({"start": {}}, "the start has no 'w'"),
        ({"gamma": 1.0}, "no parameter 'gamma'"),
        ({"eps": 1e-8}, "'eps' is an option of sam.*free"),
        ({"params": {"eta": 0.5}}, "given twice"),
        ({"steps": -1}, "steps must be an integer of at least 0"),
        ({"steps": 1.5}, "steps must be an integer"),
        ({"steps": True}, "steps must be an integer"),
        ({"record": 0}, "record must be an integer of at least 1"),
        ({"record": "every"}, "record is 'every'"),
        ({"start": np.ones((3, 1)), "eta": [0.1, 0.2]}, "do not broadcast"),
        ({"observables": {"o": sp.Symbol("zeta")}}, "uses 'zeta'"),
        ({"observables": {"o": "w"}}, "must be a SymPy expression or a function"),
        ({"observables": {"o": norm(VectorSymbol("v"))}}, "uses 'v'"),
    ],
)
def test_bad_input_gets_one_clear_line(change: dict[str, Any], message: str) -> None:
    given = {**GOOD, **change}
    start = given.pop("start")
    with pytest.raises(InputError, match=message) as caught:
        simulate(QUADRATIC, start, **given)
    assert "\n" not in str(caught.value)


def test_bad_maps_and_missing_names_are_refused() -> None:
    with pytest.raises(InputError, match="no value for rho"):
        simulate(QUADRATIC, [1.0], steps=1, eta=0.1)
    with pytest.raises(InputError, match="did you mean 'rho'"):
        simulate(QUADRATIC, [1.0], steps=1, eta=0.1, rh=0.1)
    with pytest.raises(InputError, match="eps is -1"):
        simulate(Map(sam.free("eps"), Quadratic(1)), [1.0], steps=1, eta=0.1, rho=0.1, eps=-1)
    with pytest.raises(InputError, match="opaque"):
        simulate(Map(gd, Product(even_link)), [1.0, 1.0], steps=0, eta=0.1)
    with pytest.raises(InputError, match="give rng=0"):
        simulate(Map(noisy, Quadratic(1)), [1.0], steps=1, eta=0.1)
    with pytest.raises(InputError, match="rng must be an integer"):
        simulate(Map(noisy, Quadratic(1)), [1.0], steps=1, eta=0.1, rng=-1)
    with pytest.raises(InputError, match="use simulate"):
        orbit(Map(noisy, Quadratic(1)), [1.0], 1, {"eta": 0.1})
    with pytest.raises(InputError, match="not a batch"):
        orbit(QUADRATIC, [[1.0], [2.0]], 1, {"eta": 0.1, "rho": 0.1})
    with pytest.raises(InputError, match="record_every"):
        orbit(QUADRATIC, [1.0], 1, {"eta": 0.1, "rho": 0.1}, record_every=-1)
    with pytest.raises(InputError, match="equal blocks"):
        simulate(Map(gd, Product(log_cosh, None)), [1.0, 2.0, 3.0], steps=1, eta=0.1)


def test_a_class_of_functions_has_no_trajectories() -> None:
    class Everything:
        name, abstract, dimension, parameters = "everything", True, None, ()

    with pytest.raises(InputError, match="class of functions"):
        simulate(Map(gd, Everything()), [1.0], steps=1, eta=0.1)


def test_settling_and_windows_take_numbers_of_numpy() -> None:
    map, given = Map(sam, Quadratic(1)), {"steps": 300, "eta": 1.9, "rho": 0.1}
    small, plain = (simulate(map, [1.0], settling=v, **given) for v in (np.float32(0.25), 0.25))
    assert small.settled == plain.settled > 0
    assert Over("max", sp.Symbol("w1"), last=np.int64(3)).first(10) == 8
    for wrong in (np.array([1e-9, 1e-3]), [1e-9], np.nan, -1.0, None):
        with pytest.raises(InputError, match=r"settling is .*; choose 'exact', 'off' or a tolerance"):
            simulate(map, [1.0], settling=wrong, **given)
