"""The search computes with arrays of many steps, rows and parameters: the same numbers as one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from sam_theory.arithmetic import Float64, Rational
from sam_theory.engines._budget import budget_of
from sam_theory.engines._search._along import along
from sam_theory.engines._search._boundary import Boundary
from sam_theory.engines._search._envelope import EnvelopeJudge
from sam_theory.engines._search._instances import Batch, Sampler
from sam_theory.engines._search._scene import scenes
from sam_theory.engines._search._setting import Scene
from sam_theory.engines._search._sobol import sobol
from sam_theory.errors import InputError
from sam_theory.losses import DiagonalNetwork, Loss, Quadratic
from sam_theory.rules import RULES, Rule, sam
from sam_theory.theorems import library

LIBRARY = {t.slug: t for t in library()}
ORBITS = (
    "pl-sam-limsup.large-steps",
    "sc-sam-limsup-improved.limsup",
    "sam-schedules-quadratic.tracking",
    "gd-product-stability.general",
    "pl-usam-descent-and-travel.travel",
)


def _drawn(scene: Scene) -> Batch:
    batch = Sampler(scene, False).random(np.random.default_rng(0), 32)
    assert batch is not None
    return batch


@pytest.mark.parametrize("coordinates", (1, 2, 5, 24))
@pytest.mark.parametrize("power", (0, 1, 7))
def test_sobol_points_are_those_of_scipy(coordinates: int, power: int) -> None:
    from scipy.stats import qmc

    ours, theirs = np.random.default_rng(coordinates), np.random.default_rng(coordinates)
    for _ in range(2):
        expected = qmc.Sobol(coordinates, seed=theirs).random(1 << power)
        assert np.array_equal(sobol(ours, coordinates, power), expected)
    assert ours.random() == theirs.random()


def test_coordinates_without_direction_numbers_are_drawn_all_the_same() -> None:
    points = sobol(np.random.default_rng(0), 40, 9)
    assert points.shape == (512, 40)
    assert np.abs(points.mean(axis=0) - 0.5).max() < 0.06
    assert np.abs(np.corrcoef(points.T) - np.eye(40)).max() < 0.2


@pytest.mark.parametrize("slug", ORBITS)
def test_a_bound_step_has_the_bits_of_a_step(slug: str) -> None:
    arithmetic = Float64()
    for scene in scenes(LIBRARY[slug]):
        batch = _drawn(scene)
        values, state = batch.env(), scene.state(arithmetic, batch.start)
        with np.errstate(all="ignore"):
            step = scene.stepper(arithmetic, values)
            for t in range(12):
                bound, state = step(state, t), scene.step(arithmetic, values, state, t)
                for name, v in state.items():
                    finite = np.isfinite(v)
                    assert np.array_equal(np.broadcast_to(bound[name], v.shape)[finite], v[finite])


def test_a_bound_step_is_exact_in_rationals() -> None:
    exact = Rational()
    for scene in (s for s in scenes(LIBRARY["pl-sam-limsup.large-steps"]) if s.rational and s.dimension == 1):
        point = _drawn(scene).point(0)
        values, state = point.env(exact), scene.state(exact, point.vector(exact))
        assert scene.stepper(exact, values)(state, 0) == scene.step(exact, values, state, 0)


def test_a_bound_step_misses_what_a_step_misses() -> None:
    from sam_theory.dynamics import Map

    quadratic = Map(sam, Quadratic(1))
    with pytest.raises(InputError, match="no value for 'rho'"):
        quadratic.stepper(Float64(), {"eta": 0.1})
    with pytest.raises(InputError, match="no loss is given"):
        Float64().binder(sam.program, None, ("w",))


NETWORK = DiagonalNetwork([[1, 2]], [1])


def _takes(rule: Rule, loss: Loss) -> bool:
    """Whether the rule steps on such a loss: those of samples need a finite sum."""
    try:
        rule.check_loss(loss)
    except InputError:
        return False
    return True


@pytest.mark.parametrize("name", sorted(n for n, rule in RULES.items() if _takes(rule, NETWORK)))
def test_every_rule_steps_alike_when_bound(name: str) -> None:
    from sam_theory.dynamics import Map

    rng, system = np.random.default_rng(1), Map(RULES[name], NETWORK)
    rule, arithmetic = system.rule, Float64()
    inputs = (*system.parameters, *rule.noise, "k")
    env = {n: rng.uniform(0.1, 0.9, 7) for n in inputs} | {"k": 2.0}
    state = {v: rng.standard_normal((4, 7)) for v in system.state}
    expected = system.step(arithmetic, state, env)
    varying = {n: env.pop(n) for n in rule.noise}
    found = system.stepper(arithmetic, env)({**state, **varying, "k": 2.0})
    assert all(np.array_equal(found[v], expected[v]) for v in system.state)


@pytest.mark.parametrize("slug", ("pl-usam-descent-and-travel.rate", "si-yun-rate.envelope"))
def test_formulas_along_a_trajectory_are_those_of_each_step(slug: str) -> None:
    arithmetic = Float64()
    for scene in scenes(LIBRARY[slug]):
        judge, batch = EnvelopeJudge(scene, budget_of("quick")), _drawn(scene)
        values = batch.env()
        with np.errstate(all="ignore"):
            places = judge._places(arithmetic, values, batch.start, 12, set(range(13)))
            for (t, r), (_, here, after) in zip(
                along(scene, arithmetic, judge.both, values, batch.start, places), places, strict=True
            ):
                env = scene.environment(arithmetic, values, here, after, batch.start, float(t))
                alone = arithmetic.run(judge.both, env, scene.loss)
                for name, seen in r.items():
                    np.testing.assert_allclose(seen, np.broadcast_to(alone[name], seen.shape), rtol=1e-14)


def test_parameters_moved_to_a_boundary_lie_there() -> None:
    scene = scenes(LIBRARY["sc-sam-limsup-improved.limsup"])[0]
    sampler, rng = Sampler(scene, False), np.random.default_rng(0)
    batch = sampler.simple(rng, 192)
    assert batch is not None
    for h in sampler.parameters.relations:
        if h.lhs.is_zero or h.rhs.is_zero:
            continue
        boundary = Boundary(sampler.parameters, h.lhs, h.rhs)
        near = boundary.near(batch, rng)
        assert near.size
        assert np.abs(boundary.log_ratio(near.values, near.size)).max() < np.log(2)
