"""A map with numbers for all its parameters: its step, its derivative and its symmetry, in floats."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import permutations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Coordinates, Float64, Jet, Jets, NotExact, PythonFloat, Undecided
from sam_theory.dynamics import Map, check_parameters
from sam_theory.engines import Box, System, box
from sam_theory.errors import InputError, nearest
from sam_theory.rules import gd

__all__ = ["FloatArray", "MapAt", "at", "check_coordinates", "search_box"]

FloatArray = npt.NDArray[np.float64]

#: Relative agreement of F(Sw) with SF(w) that counts as symmetry.
_SYMMETRIC = 1e-12


@dataclass(frozen=True)
class MapAt:
    """``map`` at the exact parameter values ``values``; made by :func:`at`, which checks them."""

    map: Map
    values: Mapping[str, Fraction]

    @cached_property
    def system(self) -> System:
        """The same map for enclosures."""
        return System(self.map)

    @cached_property
    def box(self) -> Box:
        """The parameters as a box that is a point."""
        return box(dict(self.values))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coordinates of the state: those of the loss, ``v_x`` for a further vector ``v``."""
        own = self.map.loss.variables
        return (*own, *(f"{v}_{n}" for v in self.map.state[1:] for n in own))

    @cached_property
    def _floats(self) -> dict[str, float]:
        return {n: float(v) for n, v in self.values.items()}

    def step(self, points: FloatArray) -> FloatArray:
        """One step of many states, an array of shape (n, d)."""
        width, vectors = len(self.map.loss.variables), self.map.state
        state = {v: points.T[i * width : (i + 1) * width] for i, v in enumerate(vectors)}
        with np.errstate(all="ignore"):
            image = self.map.step(Float64(), state, self._floats)
        return np.concatenate([image[v] for v in vectors]).T

    def orbit(self, point: Sequence[float] | FloatArray, period: int) -> FloatArray:
        """The first ``period`` points of the orbit of ``point``, shape (period, d)."""
        found = [np.asarray(point, dtype=float)]
        for _ in range(period - 1):
            found.append(self.step(found[-1][None, :])[0])
        return np.stack(found)

    def linearised(self, point: Sequence[float] | FloatArray, period: int = 1) -> tuple[FloatArray, FloatArray] | None:
        """The state after ``period`` steps and its derivative, shapes (d,) and (d, d); None where there is none."""
        d = len(point)
        jets = Jets(d, PythonFloat())
        env = {n: Jet(v) for n, v in self._floats.items()}
        state: list[Any] = list(jets.seeds([float(c) for c in point]))
        try:
            for _ in range(period):
                state = self.system.step(jets, state, env)
        except (Undecided, NotExact, ArithmeticError, ValueError):
            return None
        entries = [c if isinstance(c, Jet) else Jet(c) for c in state]
        image = np.array([c.value for c in entries], dtype=float)
        slopes = np.array([jets.slopes(c) for c in entries], dtype=float)
        return (image, slopes) if np.isfinite(image).all() and np.isfinite(slopes).all() else None

    @cached_property
    def descent(self) -> MapAt:
        """Gradient descent with η = 1 on the loss: its fixed points are the stationary points."""
        own = {n: self.values[n] for n in self.map.loss.parameters}
        return at(Map(gd, self.map.loss), {"eta": 1, **own})

    def value(self, iterate: FloatArray) -> float:
        """The loss at an iterate."""
        return float(self.map.loss.value(PythonFloat(), Coordinates(map(float, iterate)), self._floats))

    def gradient(self, iterate: FloatArray) -> FloatArray:
        """∇L at an iterate."""
        found = PythonFloat().grad(self.map.loss, Coordinates(map(float, iterate)), self._floats)
        return np.array([float(c) for c in found])

    def symmetries(self, points: FloatArray) -> list[FloatArray]:
        """Signed permutations S of the coordinates with F(Sw) = SF(w), up to rounding, at each of the points.

        The identity first; above three coordinates only it and w → −w are tried.
        """
        d = points.shape[1]
        identity = np.eye(d)
        signed = [identity, -identity]
        if d <= 3:
            signed = [
                np.diag(signs)[list(order)]
                for order in permutations(range(d))
                for signs in product((1.0, -1.0), repeat=d)
            ]
        there = self.step(points)
        finite = np.isfinite(there).all(axis=1)
        size = _SYMMETRIC * (1.0 + np.abs(there[finite]))
        if not finite.any():
            return [identity]
        return [
            m
            for m in signed
            if (np.abs(self.step(points[finite] @ m.T) - there[finite] @ m.T) <= size @ abs(m.T)).all()
        ]


def at(map: Map, params: Mapping[str, Any]) -> MapAt:
    """The map at ``params``.

    Parameters
    ----------
    map : Map
        Deterministic and without schedule, on a loss of fixed dimension.
    params : mapping
        A number for each parameter; texts such as ``"1/10"`` and fractions are exact, a float is its binary value.

    Raises
    ------
    InputError
        For a map of another kind, a missing, unknown or inadmissible parameter.
    """
    System(map)
    if map.rule.velocity:
        raise InputError(f"{map.rule.name} is a velocity, not a step; choose a rule that steps")
    if map.loss.dimension is None:
        raise InputError(f"{map.loss.name} has no fixed dimension; choose one")
    exact = box(dict(params)).middle
    check_parameters(map, {n: float(v) for n, v in exact.items()})
    return MapAt(map, {n: exact[n] for n in map.parameters})


def check_coordinates(given: Iterable[str], needed: Sequence[str], known: Sequence[str], lacks: str, each: str) -> None:
    """Refuse names that are no coordinates, and the lack of one that is needed: InputError."""
    names = list(given)
    for name in names:
        if name not in known:
            raise InputError(f"the state has no coordinate '{name}'; {nearest(name, known)}")
    missing = [n for n in needed if n not in names]
    if missing:
        raise InputError(f"{lacks} '{missing[0]}'; give {each} for each of {', '.join(needed)}")


def search_box(here: MapAt, given: Mapping[str, Any]) -> Box:
    """A box of states: a pair (low, high) for each coordinate.

    Raises InputError for a missing or unknown coordinate, or an interval without interior.
    """
    check_coordinates(given, here.names, here.names, "the box has no side", "(low, high)")
    found = box({n: given[n] for n in here.names})
    for name in here.names:
        low, high = found[name]
        if low == high:
            raise InputError(f"the interval of '{name}' is the single point {low}; give a low and a higher end")
        try:
            wide = math.isinf(float(high) - float(low))
        except OverflowError:
            wide = True
        if wide:
            raise InputError(f"the interval of '{name}' is wider than any float; take a smaller one")
        if float(high) == float(low):
            raise InputError(f"no float lies inside the interval of '{name}' at {float(low):.17g}; take a wider one")
    return found
