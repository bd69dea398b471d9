"""Instances: parameters, the numbers of a member and a start; many at once in floats, or one in rationals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np

from sam_theory.arithmetic import LENGTH, Coordinates, Float64
from sam_theory.engines._search._exact import lift
from sam_theory.engines._search._parameters import Array, Parameters
from sam_theory.engines._search._setting import Scene

__all__ = ["Batch", "Point", "Sampler", "describe"]

_FACTORS = np.array([1, 0.5, 2, 1.5, 1 / 3, 0.25, 0.75, 0.1, 3, 0.01, 10])
#: integer vectors with their integer norms
_PYTHAGOREAN: dict[int, list[tuple[int, tuple[int, ...]]]] = {
    1: [(1, (1,))],
    2: [(5, (3, 4)), (1, (0, 1)), (13, (5, 12)), (5, (4, 3))],
    3: [(3, (1, 2, 2)), (7, (2, 3, 6)), (1, (0, 0, 1))],
    4: [(2, (1, 1, 1, 1)), (5, (1, 2, 2, 4)), (1, (0, 0, 0, 1)), (5, (0, 0, 3, 4))],
    6: [(5, (1, 1, 1, 2, 3, 3)), (3, (1, 1, 1, 1, 1, 2)), (1, (0, 0, 0, 0, 0, 1))],
}


@lru_cache(maxsize=1 << 14)
def _exact(a: float, largest_denominator: int | None) -> Fraction:
    """The nearest rational of small denominator (of 10⁹ where that is 0), or the binary value."""
    f = Fraction(a)
    if largest_denominator is None:
        return f
    small = f.limit_denominator(largest_denominator)
    return small if small or not f else f.limit_denominator(10**9)


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows of instances in float64: ``values[name]`` of shape (n,), ``start`` of shape (d, n)."""

    scene: Scene
    values: dict[str, Array]
    start: Array

    @property
    def size(self) -> int:
        """The number of rows."""
        return int(self.start.shape[1])

    def rows(self, index: Any) -> Batch:
        """The rows named by ``index``."""
        return Batch(self.scene, {k: v[index] for k, v in self.values.items()}, self.start[:, index])

    def env(self) -> dict[str, Any]:
        """The values with the constants of the class."""
        return self.scene.with_constants(Float64(), self.values)

    def point(self, i: int, largest_denominator: int | None = 1000) -> Point:
        """Row ``i`` in rationals: the nearest of small denominator, or the binary values."""
        values = {k: _exact(float(v[i]), largest_denominator) for k, v in self.values.items()}
        return Point(self.scene, values, tuple(_exact(float(a), largest_denominator) for a in self.start[:, i]))

    @staticmethod
    def of(points: list[Point]) -> Batch:
        """Points of one scene as a batch."""
        first = points[0]
        values = {k: np.array([float(p.values[k]) for p in points]) for k in first.values}
        start = np.array([[float(c) for c in p.start] for p in points]).T.reshape(len(first.start), len(points))
        return Batch(first.scene, values, start)


@dataclass(frozen=True, eq=False)
class Point:
    """One instance in exact rationals."""

    scene: Scene
    values: Mapping[str, Fraction]
    start: tuple[Fraction, ...]

    def env(self, arithmetic: Any) -> dict[str, Any]:
        """The values in ``arithmetic`` with the constants of the class."""
        return self.scene.with_constants(arithmetic, lift(arithmetic, self.values))

    def vector(self, arithmetic: Any) -> Any:
        """The start in ``arithmetic``."""
        return Coordinates(arithmetic.number(a) for a in self.start)

    @property
    def complexity(self) -> int:
        """Bits of all numerators and denominators."""
        numbers = (*self.values.values(), *self.start)
        return sum((abs(f.numerator) * f.denominator).bit_length() + (f < 0) for f in numbers)


class Sampler:
    """Draws instances of one scene."""

    def __init__(self, scene: Scene, almost_every: bool, at: bool = True) -> None:
        self.scene = scene
        self.parameters = Parameters(scene)
        self.almost_every = almost_every
        self.uses_start = at
        known = scene.theorem.known_dimensions or {}
        members = scene.family.loss.dimensions or {} if scene.family is not None else {}
        self.lengths = [s.name for s in scene.symbols if known.get(s.name) == LENGTH]
        self.lengths += [n for n, dimension in members.items() if dimension == LENGTH]

    def random(self, rng: np.random.Generator, size: int) -> Batch | None:
        """``size`` generic instances; None if no admissible parameters are found."""
        values = self.parameters.random(rng, size)
        return None if values is None else self._complete(rng, values, size, simple=False)

    def simple(self, rng: np.random.Generator, size: int) -> Batch | None:
        """At most ``size`` instances of simple rationals."""
        copies = 4 if self.uses_start else 1
        values = self.parameters.simple(rng, max(size // copies, 1))
        if values is None:
            return None
        count = next((len(v) for v in values.values()), 1)
        repeated = {k: np.tile(v, copies) for k, v in values.items()}
        return self._complete(rng, repeated, count * copies, simple=True)

    def _complete(self, rng: np.random.Generator, values: dict[str, Array], size: int, simple: bool) -> Batch:
        scene = self.scene
        if scene.family is not None:
            env = scene.with_constants(Float64(), values)
            drawn = scene.family.draw(rng, size, {k: np.broadcast_to(v, (size,)) for k, v in env.items()})
            values = {**values, **drawn}
        start = self._start(rng, values, size, simple) if scene.places else np.zeros((0, size))
        shift: tuple[str, ...] = getattr(scene.loss, "shift", ())
        if shift:
            start[: len(shift)] += np.where(rng.random(size) < 0.5, np.stack([values[n] for n in shift]), 0.0)
        return Batch(scene, values, start)

    def _start(self, rng: np.random.Generator, values: dict[str, Array], size: int, simple: bool) -> Array:
        d = self.scene.places
        bases = [np.ones(size), *(np.broadcast_to(np.abs(values[n]), (size,)) for n in self.lengths)]
        base = np.stack(bases)[rng.integers(0, len(bases), size), np.arange(size)]
        base = np.where(base > 0, base, 1.0)
        if not simple or self.almost_every:
            v = rng.standard_normal((d, size))
            if d > 1 and not self.almost_every:
                v = np.where(rng.random((d, size)) < 0.1, 0.0, v)
            v = v / np.maximum(np.sqrt((v**2).sum(axis=0)), 1e-9)
            return np.asarray(v * base * 10.0 ** rng.uniform(-2.5, 1.5, size))
        directions = _directions(d)
        v = rng.permuted(directions[rng.integers(0, len(directions), size)], axis=1).T
        v = v * np.where(rng.random((d, size)) < 0.3, -1.0, 1.0)
        factor = _FACTORS[(len(_FACTORS) * rng.random(size) ** 1.5).astype(int)]
        return np.asarray(v * base * factor)


def _directions(d: int) -> Array:
    """Vectors of length 1 with rational coordinates."""
    rows = _PYTHAGOREAN.get(d) or [(n, (*v, *(0,) * (d - 4))) for n, v in _PYTHAGOREAN[4]]
    return np.array([np.array(v) / n for n, v in rows])


def describe(batch: Batch, i: int) -> str:
    """One instance in words."""
    values = [f"{k}={v[i]:.6g}" for k, v in sorted(batch.values.items()) if not k.startswith("m_")]
    start = f", start ({', '.join(f'{c:.6g}' for c in batch.start[:, i])})" if len(batch.start) else ""
    return f"{batch.scene.name}: {', '.join(values)}{start}"
