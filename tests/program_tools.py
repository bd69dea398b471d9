"""Flat programs compiled and run on arrays, for the tests of the kernels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sam_theory.arithmetic import Float64, Program
from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.kernels._arrays import OnArrays
from sam_theory.losses import named_losses
from sam_theory.rules import RULES

#: Values at which operations are exceptional.
SPECIAL = (0.0, -0.0, 1.0, -1.0, 5e-324, -1e-310, 1e-170, -3e-160, 2.5e150, -1e200, 1.7e308, np.inf, -np.inf, np.nan)


def evaluate(program: Program, inputs: Mapping[str, np.ndarray], width: int = 8) -> dict[str, np.ndarray]:
    """The outputs of a program at arrays, by machine code of registers of this width."""
    return OnArrays(program, width)(inputs)


def reference(program: Program, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same by the batch arithmetic."""
    size = len(next(iter(inputs.values())))
    with np.errstate(all="ignore"):
        found = Float64().run(program, {name: np.asarray(inputs[name], dtype=float) for name in program.inputs})
    return {name: np.broadcast_to(np.asarray(v, dtype=float), (size,)) for name, v in found.items()}


def values(rng: np.random.Generator, names: tuple[str, ...], n: int, special: float = 0.0) -> dict[str, np.ndarray]:
    """Random reals of moderate size; each is special with the given probability."""
    result = {}
    for name in names:
        drawn = rng.normal(size=n) * 2.0 ** rng.integers(-3, 4, size=n)
        odd = rng.choice(SPECIAL, size=n)
        result[name] = np.where(rng.random(n) < special, odd, drawn)
    return result


def states(rng: np.random.Generator, program: Program, n: int) -> dict[str, np.ndarray]:
    """Random inputs of a step: states of moderate size, small positive parameters."""
    drawn = values(rng, program.inputs, n)
    return {name: v if ":" in name else 0.5 * np.abs(np.tanh(v)) for name, v in drawn.items()}


def steps() -> dict[str, Program]:
    """One step of every rule on every loss that it fits, by their names."""
    found = {}
    for loss in named_losses().values():
        for rule in RULES.values():
            try:
                found[f"{rule.name} on {loss.name}"] = Map(rule, loss).flat
            except InputError:
                continue
    return found


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """|a − b| relative to the larger modulus; 0 where both are the same or no number, inf where one of them is none."""
    with np.errstate(all="ignore"):
        gap = np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), 1e-300)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    return np.where(same, 0.0, np.where(np.isnan(gap), np.inf, gap))
