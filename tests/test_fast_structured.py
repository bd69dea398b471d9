"""Kernels of vectors against the NumPy reference: maps of many dimensions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from sam_theory.dynamics import Map, simulate
from sam_theory.dynamics._fast import Reduced
from sam_theory.dynamics._inputs import prepare
from sam_theory.dynamics._structured import run, structured_or_reason
from sam_theory.losses import Expression, Product, Quadratic, log_cosh
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


def fast(map, start, steps, params, *, every=0, settling="exact", threads=1, width=None, over=(), whole=False):
    inputs = prepare(map, start, params)
    program = structured_or_reason(map, inputs.state[map.state[0]].shape[0])
    assert not isinstance(program, str), program
    return run(
        map,
        program,
        inputs,
        steps,
        over=dict(over),
        every=every,
        whole=whole,
        settling=settling,
        threads=threads,
        width=width,
    )


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
