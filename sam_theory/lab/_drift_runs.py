"""Simulations beside a manifold of minima: on the 2-cycle, or on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from sam_theory.dynamics import orbit
from sam_theory.errors import InputError
from sam_theory.lab._at import FloatArray
from sam_theory.lab._drift import SlowFlow
from sam_theory.lab._drift_numbers import FlowNumbers

__all__ = ["SHARE", "DriftRun", "Drifting", "Resting", "vector"]

#: The part of the way to the flattest point of which the time is compared.
SHARE = 0.9
_RECORDS = 400


@dataclass(frozen=True)
class DriftRun:
    """One simulation.

    Parameters
    ----------
    size : float
        ρ, or the distance of the start where there is no drift.
    steps : int
        Number of steps after which the displacement is taken.
    measured, predicted : ndarray, shape (k,)
        Displacement of θ.
    deviation : float
        |measured − predicted| over |predicted|.
    rounding : float
        What of the deviation rounding may explain.
    arrival, predicted_arrival : float or None
        size² times the number of steps until nine tenths of the way to the flattest point are covered.
    afterwards : float or None
        Where there is no drift: how far θ moves in as many further steps.
    times : ndarray, shape (records,)
        size² times the step number.
    path : ndarray, shape (records, k)
        θ at every recorded step, the nearest point of the manifold.
    states : ndarray, shape (records, d)
    """

    size: float
    steps: int
    measured: FloatArray
    predicted: FloatArray
    deviation: float
    rounding: float
    arrival: float | None
    predicted_arrival: float | None
    afterwards: float | None
    times: FloatArray
    path: FloatArray
    states: FloatArray

    @property
    def ratio(self) -> float:
        """Measured over predicted displacement, along the predicted one."""
        return float(self.measured @ self.predicted / (self.predicted @ self.predicted))

    @property
    def arrival_ratio(self) -> float | None:
        """Measured over predicted time to the flattest point."""
        if self.arrival is None or self.predicted_arrival is None:
            return None
        return self.arrival / self.predicted_arrival

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "size": self.size,
            "steps": self.steps,
            "measured": self.measured.tolist(),
            "predicted": self.predicted.tolist(),
            "ratio": self.ratio,
            "deviation": self.deviation,
            "arrival": self.arrival,
            "predicted_arrival": self.predicted_arrival,
            "afterwards": self.afterwards,
            "times": self.times.tolist(),
            "path": self.path.tolist(),
        }


class Drifting:
    """Runs on the 2-cycle."""

    def __init__(
        self,
        flow: SlowFlow,
        numbers: FlowNumbers,
        theta: FloatArray,
        lengths: Sequence[float],
        time: float | None,
        steps: int,
    ) -> None:
        self.flow, self.numbers, self.theta = flow, numbers, theta
        velocity = numbers.velocity(theta)
        speed = float(np.linalg.norm(velocity))
        if speed == 0.0:
            raise InputError(f"the flow does not move from the start ({vector(theta)}); choose another")
        self.end = numbers.end(theta)
        self.goal = theta if self.end is None else self.end
        self.arrival = self._arrival()
        longest = steps * min(lengths) ** 2
        if time is not None and not 0 < time <= longest:
            raise InputError(f"time {time:g} is not between 0 and {longest:g}, which {steps} steps can reach")
        self.time = time or self.arrival or (0.5 + 0.5 * float(np.linalg.norm(theta))) / speed
        if time is None and self.time > longest:
            self.time = longest
        self.horizon = max(self.time, min(1.2 * (self.arrival or 0.0), longest))

    def _share(self, path: FloatArray) -> FloatArray:
        """The part of the way to the end that is left, for θ of shape (n, k)."""
        return np.asarray(np.linalg.norm(path - self.goal, axis=1) / np.linalg.norm(self.theta - self.goal))

    def _arrival(self) -> float | None:
        if self.end is None:
            return None
        speed = float(np.linalg.norm(self.numbers.velocity(self.theta)))
        time = float(np.linalg.norm(self.theta - self.end)) / speed
        while True:
            found = self.numbers.solve(self.theta, time)
            if self._left(found.t[-1], found.sol) < 0:
                return float(brentq(self._left, 0.0, found.t[-1], args=(found.sol,), xtol=1e-14, rtol=1e-14))
            time *= 2

    def _left(self, time: float, path: Any) -> float:
        return float(self._share(path(time)[None, :])[0]) - (1 - SHARE)

    def run(self, size: float) -> DriftRun:
        """One simulation; ``size`` is the small length."""
        half = int(np.ceil(self.time / size**2 / 2))
        stride = 2 * max(1, half // _RECORDS)
        steps = stride * max(1, round(2 * half / stride))
        total = stride * int(np.ceil(max(self.horizon / size**2, steps) / stride))
        n, numbers = self.numbers.normal(self.theta), self.numbers
        begin = numbers.point(self.theta[:, None])[:, 0] + size * numbers.radius(self.theta) * n
        params = {**numbers.values, str(self.flow.law.small): size}
        state = {
            self.flow.map.state[0]: begin,
            **{v: size * numbers.memory(self.theta) * n for v in self.flow.map.state[1:]},
        }
        found = orbit(self.flow.map, state, total, params, record_every=stride)
        times = size**2 * found.recorded_steps.astype(float)
        predicted = numbers.flow_at(self.theta, times)
        states = np.asarray(found.states)
        path = numbers.project(states, predicted)
        last = steps // stride
        measured, expected = path[last] - self.theta, predicted[last] - self.theta
        length = float(np.linalg.norm(expected))
        deviation = float(np.linalg.norm(measured - expected)) / length
        rounding = 50 * 4e-16 * (2 + np.sqrt(steps)) * (1 + float(np.linalg.norm(self.theta))) / length + 1e-10
        return DriftRun(
            size,
            steps,
            measured,
            expected,
            deviation,
            rounding,
            self._arrived(times, path),
            self.arrival,
            None,
            times,
            path,
            states,
        )

    def _arrived(self, times: FloatArray, path: FloatArray) -> float | None:
        """The time at which the run has covered its share of the way, between records by a cubic."""
        if self.arrival is None:
            return None
        left = self._share(path) - (1 - SHARE)
        below = np.flatnonzero(left < 0)
        if not len(below):
            return None
        i = int(below[0])
        low, high = max(0, i - 4), min(len(times), i + 4)
        curve = CubicSpline(times[low:high], left[low:high])
        return float(brentq(lambda t: float(curve(t)), times[i - 1], times[i], xtol=1e-14))


class Resting:
    """Runs into the minima, where there is no drift."""

    end: FloatArray | None = None

    def __init__(self, flow: SlowFlow, numbers: FlowNumbers, theta: FloatArray) -> None:
        if flow.law.transient == 0:
            raise InputError(f"{flow.map.rule.name} does not drift, and how it comes to rest is not derived")
        self.flow, self.numbers, self.theta = flow, numbers, theta
        multipliers = [flow.on_manifold(m) for m in flow.law.multipliers]
        slowest = float(np.abs(numbers.run(multipliers, theta[:, None])).max())
        self.steps = 20 if slowest < 1e-2 else int(np.ceil(np.log(1e-18) / np.log(slowest)))
        if self.steps > 1_000_000:
            raise InputError(f"the minima attract with multiplier {slowest:.9g} only: {self.steps} steps are too many")

    def run(self, size: float) -> DriftRun:
        """One simulation; ``size`` is the small length."""
        numbers = self.numbers
        begin = numbers.point(self.theta[:, None])[:, 0] + size * numbers.normal(self.theta)
        found = orbit(self.flow.map, begin, 2 * self.steps, numbers.values, record_every=1)
        states = np.asarray(found.states)
        path = numbers.project(states, np.tile(self.theta, (len(states), 1)))
        measured, expected = path[self.steps] - self.theta, size**2 * numbers.transient(self.theta)
        length = float(np.linalg.norm(expected))
        if length == 0.0:
            raise InputError(f"the curvature is stationary at the start ({vector(self.theta)}); choose another")
        deviation = float(np.linalg.norm(measured - expected)) / length
        rounding = 50 * 4e-16 * (2 + np.sqrt(self.steps)) * (1 + float(np.linalg.norm(self.theta))) / length
        afterwards = float(np.linalg.norm(path[-1] - path[self.steps]))
        times = size**2 * found.recorded_steps.astype(float)
        return DriftRun(
            size,
            self.steps,
            measured,
            expected,
            deviation,
            rounding,
            None,
            None,
            afterwards,
            times,
            path,
            states,
        )


def vector(v: Sequence[float] | FloatArray) -> str:
    """Numbers in a cell."""
    return ", ".join(f"{float(c):.9g}" for c in v)
