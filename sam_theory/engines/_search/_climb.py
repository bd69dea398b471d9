"""Local maximisation of the violation: many hills at once, each step admissible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sam_theory.engines._search._instances import Batch, Sampler
from sam_theory.engines._search._judge import Judge
from sam_theory.engines._search._parameters import Array, column

__all__ = ["climb"]

_HILLS = 16
_STEPS = 8


def climb(
    judge: Judge, sampler: Sampler, batch: Batch, violation: Array, rounds: int, rng: np.random.Generator
) -> tuple[Batch, Array]:
    """The best rows of ``batch`` moved uphill for ``rounds`` rounds.

    Parameters and lengths move by factors, fractions of members stay in [0, 1], directions of members rest.
    Returns the rows and their violation.
    """
    order = np.argsort(-violation, kind="stable")[:_HILLS]
    order = order[np.isfinite(violation[order])]
    if not len(order) or "m_sine" in batch.values:
        return batch.rows(order), violation[order]
    hills, height = batch.rows(order), violation[order]
    width = np.full(len(order), 0.3)
    for _ in range(rounds):
        parents = np.repeat(np.arange(len(order)), _STEPS)
        proposal = _moved(sampler, hills.rows(parents), width[parents], rng)
        bad = ~sampler.parameters.admitted(_of_parameters(sampler, proposal), proposal.size)
        proposal = _kept(hills.rows(parents), proposal, bad)
        value = np.where(bad, -np.inf, judge.violation(proposal))
        best = value.reshape(len(order), _STEPS).argmax(axis=1) + _STEPS * np.arange(len(order))
        better = value[best] > height
        width = np.clip(np.where(better, width * 1.4, width * 0.6), 1e-8, 2.0)
        hills = _kept(hills, proposal.rows(best), ~better)
        height = np.where(better, value[best], height)
    return hills, height


def _kept(old: Batch, new: Batch, rows: NDArray[np.bool_]) -> Batch:
    """``new`` with the named rows taken from ``old``."""
    values = {k: np.where(rows, old.values[k], v) for k, v in new.values.items()}
    return Batch(new.scene, values, np.where(rows, old.start, new.start))


def _of_parameters(sampler: Sampler, batch: Batch) -> dict[str, Array]:
    return {s.name: batch.values[s.name] for s in sampler.scene.symbols}


def _bounded(new: Array, old: Array) -> Array:
    """``new`` where it stays within six decades or comes nearer to them."""
    return np.where((np.abs(np.log10(np.abs(new) + 1e-300)) < 3) | (old == 0), new, old)


def _moved(sampler: Sampler, batch: Batch, width: Array, rng: np.random.Generator) -> Batch:
    n = batch.size
    free = {s.name for s in sampler.parameters.free}
    solved = {name for name, _ in sampler.parameters.solved} | set(sampler.parameters.steps)
    values = {}
    for name, old in batch.values.items():
        active = rng.random(n) < 0.5
        noise = width * rng.standard_normal(n) * active
        if name in free or name in sampler.lengths:
            values[name] = _bounded(old * np.exp(noise), old)
        elif name in solved or name.startswith("m_b"):
            values[name] = old
        else:
            values[name] = np.clip(old + noise / 2, 0.0, 1.0)
    with np.errstate(all="ignore"):
        values |= {k: v for k, v in sampler.parameters.complete(values).items() if k in solved}
    start = batch.start
    if sampler.uses_start and len(start):
        scale = np.abs(start).max(axis=0)
        aside = 0.3 * width * scale * rng.standard_normal(start.shape)
        start = start * np.exp(width * rng.standard_normal(n)) + aside
    return Batch(batch.scene, {k: column(v, n) for k, v in values.items()}, start)
