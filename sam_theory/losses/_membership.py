"""Membership measured on the losses themselves, without the facts that are derived from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.losses._base import Loss
from sam_theory.losses._draw import Array

__all__ = ["invariance_violation", "secant_violation"]

_ROUNDS = 8


def _size(env: Mapping[str, Any]) -> tuple[int, ...]:
    return np.broadcast_shapes(*(np.shape(v) for v in env.values()))


def _directions(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    raw = rng.standard_normal(shape)
    return raw / np.sqrt((raw**2).sum(axis=0))


def _worst(values: list[Any]) -> float:
    """The largest entry; NaN counts as infinitely bad."""
    top = max(float(np.max(v)) for v in values)
    return top if not any(np.isnan(v).any() for v in values) else float("inf")


def secant_violation(loss: Loss, env: Mapping[str, Any], rng: np.random.Generator, low: str) -> float:
    """How far secants and Taylor remainders leave [low, β], L falls below 0, or a PL ratio below α.

    ``low`` is ``alpha``, ``zero`` or ``-beta``; all entries are relative to β‖b−a‖² (PL: to ‖g‖²).
    """
    f = Float64()
    size = _size(env)
    beta = np.asarray(env["beta"], dtype=float)
    bound = {"alpha": np.asarray(env.get("alpha", 0.0)), "zero": 0.0 * beta, "-beta": -beta}[low] / beta
    shape = (loss.dimension or 1, *size)
    origin = np.zeros(shape)
    found: list[Any] = [
        np.abs(loss.value(f, origin, env)),
        np.abs(loss.gradient(f, origin, env)),
    ]
    for _ in range(_ROUNDS):
        radius = 10.0 ** rng.uniform(-2.0, 1.5, size)
        a = radius * _directions(rng, shape)
        b = a + radius * 10.0 ** rng.uniform(-2.0, 0.5, size) * _directions(rng, shape)
        ga, gb = loss.gradient(f, a, env), loss.gradient(f, b, env)
        la, lb = loss.value(f, a, env), loss.value(f, b, env)
        step = b - a
        square = beta * (step**2).sum(axis=0)
        secant = ((gb - ga) * step).sum(axis=0) / square
        remainder = 2 * (lb - la - (ga * step).sum(axis=0)) / square
        stretch = ((gb - ga) ** 2).sum(axis=0) / (beta * square)
        found += [secant - 1, bound - secant, remainder - 1, bound - remainder, stretch - 1, -la]
        if "alpha" in env:
            gap, slope = 2 * env["alpha"] * la, (ga**2).sum(axis=0)
            found.append(np.where(gap > 0, gap / np.where(slope > 0, slope, 1e-300) - 1, 0.0))
    return _worst(found)


def invariance_violation(loss: Loss, env: Mapping[str, Any], rng: np.random.Generator) -> float:
    """How far L(cw) − L(w), c∇L(cw) − ∇L(w) and ⟨∇L(w), w⟩ are from 0 at unit vectors, and L below 0."""
    f = Float64()
    size = _size(env)
    found: list[Any] = []
    for _ in range(_ROUNDS):
        w = _directions(rng, (loss.dimension or 1, *size))
        c = 10.0 ** rng.uniform(-2.0, 2.0, size)
        g, value = loss.gradient(f, w, env), loss.value(f, w, env)
        found.append(np.abs(loss.value(f, c * w, env) - value))
        found.append(np.abs(c * loss.gradient(f, c * w, env) - g))
        found += [np.abs((g * w).sum(axis=0)), -value]
    return _worst(found)
