"""The draws behind the families: numbers in [0, 1] with many at the ends, lengths of a step's scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SINE_BOUNDS", "Array", "Draw"]

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, Mapping[str, Any]], dict[str, Array]]

#: c -> a certified lower bound of inf f'²/(2f) for f(x) = x² + c sin²x, where f'' ≤ 2+2c.
SINE_BOUNDS: dict[Fraction, Fraction] = {
    Fraction(0): Fraction(2),
    Fraction(1, 2): Fraction(1481, 1000),
    Fraction(1): Fraction(537, 500),
    Fraction(3, 2): Fraction(377, 500),
    Fraction(2): Fraction(101, 200),
    Fraction(5, 2): Fraction(63, 200),
    Fraction(3): Fraction(17553, 100000),
    Fraction(4): Fraction(229, 10000),
}


def _column(env: Mapping[str, Any], name: str, size: int, default: float = 0.0) -> Array:
    return np.broadcast_to(np.asarray(env.get(name, default), dtype=float), (size,))


def _fraction(rng: np.random.Generator, size: int) -> Array:
    """Multiples of 1/64, half of the draws at 0 or 1."""
    ends, inside = rng.integers(0, 2, size), rng.integers(0, 65, size) / 64
    return np.where(rng.random(size) < 0.5, ends, inside)


def _length(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> Array:
    """Log-uniform over three decades, around 1 or around ρ; multiples of 1/1024."""
    unit = np.where(rng.random(size) < 0.5, 1.0, _column(env, "rho", size, 1.0))
    raw = unit * 10.0 ** rng.uniform(-2.0, 1.0, size)
    return np.maximum(np.round(raw * 1024), 1.0) / 1024


def quadratic(names: tuple[str, ...]) -> Draw:
    """One fraction for each eigenvalue."""

    def quadratic_draw(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
        return {n: _fraction(rng, size) for n in names}

    return quadratic_draw


def _pieces(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
    numbers: dict[str, Array] = {}
    for side in ("right", "left"):
        for i in (1, 2, 3):
            numbers[f"m_{side}_slope{i}"] = _fraction(rng, size)
        for i in (1, 2):
            numbers[f"m_{side}_length{i}"] = _length(rng, size, env)
    return numbers


def curved(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
    """Random pieces; where η and ρ are known, a quarter of the members are of C3's two extremal kinds."""
    numbers = _pieces(rng, size, env)
    chosen, kind, mirrored = rng.random(size) < 0.25, rng.integers(0, 2, size), rng.integers(0, 2, size)
    slack = 2.0 ** -rng.integers(3, 21, size)
    if "eta" not in env or "rho" not in env:
        return numbers
    alpha, beta = _column(env, "alpha", size), _column(env, "beta", size)
    s = _column(env, "eta", size) * beta
    wanted = np.where(kind == 0, (1 - s) * (1 + slack) * beta, (1 + slack) * beta / (1 + s))
    width = np.where(beta > alpha, beta - alpha, 1.0)
    t = np.clip((wanted - alpha) / width, 0.0, 1.0)
    kink = s * _column(env, "rho", size)
    chosen = chosen & (kink > 0)
    for side, steep in (("right", mirrored == 0), ("left", mirrored == 1)):
        for i in (1, 2, 3):
            ramp = np.where((kind == 0) & (i == 1), 1.0, t)
            name = f"m_{side}_slope{i}"
            numbers[name] = np.where(chosen, np.where(steep, 1.0, ramp), numbers[name])
        name = f"m_{side}_length1"
        numbers[name] = np.where(chosen, kink, numbers[name])
    return numbers


def huber(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
    """Quadratic around 0, linear beyond a kink on each side."""
    numbers = _pieces(rng, size, env)
    for side in ("right", "left"):
        numbers[f"m_{side}_slope2"] = numbers[f"m_{side}_slope3"] = np.zeros(size)
        numbers[f"m_{side}_slope1"] = 1.0 - numbers[f"m_{side}_slope1"] / 2
    return numbers


def nonconvex(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
    """Slopes and lengths of the pieces, and how deep the gradient falls (1: as deep as α allows)."""
    numbers = _pieces(rng, size, env)
    for side in ("right", "left"):
        del numbers[f"m_{side}_length2"]
        numbers[f"m_{side}_depth"] = np.where(rng.random(size) < 0.5, 1.0, _fraction(rng, size))
    return numbers


def soft_absolute(dimension: int, terms: int) -> Draw:
    """Directions with Σ‖b_k‖² ≤ 1 (just below 1 in half the draws), offsets up to three widths."""

    def soft_draw(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
        raw = rng.standard_normal((terms, dimension, size))
        raw /= np.sqrt((raw**2).sum(axis=1, keepdims=True))
        total = np.where(rng.random(size) < 0.5, 1.0, rng.random(size)) * (1 - 2.0**-40)
        share = rng.dirichlet(np.ones(terms), size).T * total
        numbers: dict[str, Array] = {}
        for k in range(terms):
            for i in range(dimension):
                numbers[f"m_b{k + 1}_{i + 1}"] = raw[k, i] * np.sqrt(share[k])
            width = _length(rng, size, env)
            numbers[f"m_width{k + 1}"] = width
            numbers[f"m_offset{k + 1}"] = width * rng.integers(-24, 25, size) / 8
        return numbers

    return soft_draw


def sine(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
    r"""L(w) = βu²/(2+2c)·f(w/u) with f(x) = x² + c sin²x, for the c that α and β allow.

    f'' = 2 + 2c cos 2x ≤ 2+2c gives smoothness β.  The PL constant of L is β/(2+2c) times that of f, and c is
    admissible if α is at most β/(2+2c) times the bound in ``SINE_BOUNDS``.  A bound a is proved from

        f'²/(2f) = (2 + 2c sinc 2x)² / (2(1 + c sinc²x)) ≥ a,  sinc x = sin x / x,

    by ball arithmetic on [0, 60], and beyond by |sinc x| ≤ 1/x: (2 − c/60)² ≥ 2a(1 + c/60²).  c = 0 is exact.
    """
    ratio = _column(env, "alpha", size) / _column(env, "beta", size, 1.0)
    values = np.array([float(c) for c in SINE_BOUNDS])
    allowed = np.array([float(a / (2 + 2 * c)) for c, a in SINE_BOUNDS.items()])
    count = (ratio[:, None] <= allowed[None, :]).sum(axis=1)
    picked = np.where(rng.random(size) < 0.5, count - 1, (rng.random(size) * count).astype(int))
    return {"m_sine": values[np.maximum(picked, 0)], "m_length": _length(rng, size, env)}


def rayleigh(dimension: int) -> Draw:
    """Eigenvalues in (0, 4], multiples of 1/16; the least one is 0 and not drawn."""

    def rayleigh_draw(rng: np.random.Generator, size: int, env: Mapping[str, Any]) -> dict[str, Array]:
        return {f"m_a{i}": rng.integers(1, 65, size) / 16 for i in range(2, dimension + 1)}

    return rayleigh_draw
