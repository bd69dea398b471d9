"""Measurement beside prediction: simulated motion along the minima against the slow flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.integrate import solve_ivp

from sam_theory.dynamics import orbit
from sam_theory.engines._search._asymptotic import line
from sam_theory.errors import InputError
from sam_theory.lab._at import FloatArray
from sam_theory.lab._drift import SlowFlow
from sam_theory.lab._save import save_json
from sam_theory.losses._concrete import exact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DriftComparison", "DriftRun", "compare"]

#: The part of the way to the flattest point of which the time is compared.
SHARE = 0.9
_RECORDS = 400
_TIGHT = {"rtol": 1e-11, "atol": 1e-13, "method": "DOP853"}


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


@dataclass(frozen=True)
class DriftComparison:
    """Runs from one start with several ρ, the order of their deviation, and the time to the flattest point.

    Parameters
    ----------
    flow : SlowFlow
    start : tuple of float
    runs : tuple of DriftRun
        By falling ρ.
    order, spread : float or None
        Fitted slope of log(deviation) against log(size), and twice its standard error; None with fewer than three
        runs whose deviation exceeds rounding.
    flattest : tuple of float or None
        Where the flow from the start ends.
    interrupted : bool
    """

    flow: SlowFlow
    start: tuple[float, ...]
    runs: tuple[DriftRun, ...]
    order: float | None
    spread: float | None
    flattest: tuple[float, ...] | None
    interrupted: bool = False

    def to_table(self) -> list[dict[str, str]]:
        """One row for each run, every cell a text."""
        name = str(self.flow.law.small)
        rows = []
        for r in self.runs:
            row = {
                name: f"{r.size:.6g}",
                "steps": str(r.steps),
                "measured": _vector(r.measured),
                "predicted": _vector(r.predicted),
                "ratio": f"{r.ratio:.9f}",
                "deviation": f"{r.deviation:.3g}" + (" (rounding)" if r.deviation <= r.rounding else ""),
            }
            if self.flow.law.drifts:
                row["time to flattest"] = "-" if r.arrival is None else f"{r.arrival:.8g}"
                known = r.arrival is not None and r.predicted_arrival is not None
                row["over predicted"] = f"{r.arrival / r.predicted_arrival:.8f}" if known else "-"  # type: ignore
            else:
                row["afterwards"] = f"{r.afterwards:.2g}"
            rows.append(row)
        return rows

    def order_text(self) -> str:
        """The fitted order beside the predicted one, in a sentence."""
        predicted = f"predicted order of the deviation: at least {self.flow.law.order}"
        if self.order is None:
            return f"{predicted}; fitted order: three runs above rounding are needed"
        return f"{predicted}; fitted order {self.order:.4f} ± {self.spread:.4f}"

    def flattest_text(self) -> str:
        """Where the flow ends and what the column of times means, in a sentence."""
        if not self.flow.law.drifts:
            return "no drift: the minima attract, and after the way in the orbit stays"
        if self.flattest is None:
            return "the flow from this start reaches no flattest point"
        at = ", ".join(f"{c} = {v:.10g}" for c, v in zip(self.flow.coordinates, self.flattest, strict=True))
        small = self.flow.law.small
        return f"flattest point {at}; times are {small}^2 times the steps until {SHARE:.0%} of the way to it are covered"

    def to_json(self) -> dict[str, Any]:
        """Plain data, floats with all their digits."""
        return {
            "kind": "drift comparison",
            "flow": self.flow.to_json(),
            "start": {str(c): v for c, v in zip(self.flow.coordinates, self.start, strict=True)},
            "flattest": None if self.flattest is None else list(self.flattest),
            "order": self.order,
            "spread": self.spread,
            "interrupted": self.interrupted,
            "runs": [r.to_json() for r in self.runs],
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; the file appears whole or not at all.

        Raises InputError if it cannot be written.
        """
        save_json(path, self.to_json())

    def plot(self, axes: Axes | None = None) -> Axes:
        """θ against ρ² times the step number: every run, and the predicted flow.  Returns the axes."""
        import matplotlib.pyplot as plt

        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        numbers, small = _Numbers(self.flow), self.flow.law.small
        marks = ("o", "s", "^", "v", "D", "x")
        for i, r in enumerate(self.runs):
            some = slice(None, None, max(1, len(r.times) // 24))
            for j, c in enumerate(self.flow.coordinates):
                label = f"simulated, {small} = {r.size:.3g}" if j == 0 else None
                style = {"marker": marks[i % 6], "color": f"C{i + 1}", "markersize": 4, "fillstyle": "none"}
                axes.plot(r.times[some], r.path[some, j], linestyle="none", label=label, **style)
        if self.flow.law.drifts:
            longest = max(float(r.times[-1]) for r in self.runs)
            times = np.linspace(0.0, longest, 400)
            predicted = numbers.flow_at(np.array(self.start), times)
            for j, c in enumerate(self.flow.coordinates):
                axes.plot(times, predicted[:, j], "k-", linewidth=1, label=f"slow flow, {c}")
                if self.flattest is not None:
                    axes.axhline(self.flattest[j], color="k", linewidth=0.6, linestyle=":")
        axes.set_xlabel(f"${small.name if len(small.name) == 1 else chr(92) + small.name}^2 t$")
        axes.set_ylabel(", ".join(map(str, self.flow.coordinates)))
        axes.legend(frameon=False, fontsize="small")
        return axes

    def plot_plane(self, axes: Axes) -> Axes:
        """The iterates of the run with the largest ρ in the plane of a two-dimensional loss, and the minima.

        Raises InputError for a loss of another dimension.
        """
        run, manifold = self.runs[0], self.flow.manifold
        if len(manifold.loss.variables) != 2:
            raise InputError(f"{manifold.loss.name} has {len(manifold.loss.variables)} coordinates: no plane to draw")
        numbers = _Numbers(self.flow)
        low, high = run.states.min(axis=0), run.states.max(axis=0)
        margin = 0.15 * float((high - low).max()) + 0.5 * float((high - low).min())
        ends = np.array([run.path[:, 0].min(), run.path[:, 0].max()])
        line_of = np.linspace(ends[0] - 0.15 * np.ptp(ends), ends[1] + 0.15 * np.ptp(ends), 300)
        minima = numbers.point(line_of[None, :])
        axes.plot(minima[0], minima[1], "k-", linewidth=1, label="minima")
        axes.plot(run.states[:, 0], run.states[:, 1], ".", color="C1", markersize=3)
        axes.plot([], [], ".", color="C1", label=f"iterates, {self.flow.law.small} = {run.size:.3g}")
        if self.flattest is not None:
            end = numbers.point(np.array(self.flattest)[:, None])
            axes.plot(end[0], end[1], "*", color="C3", markersize=12, label="flattest point")
        begin = numbers.point(np.array(self.start)[:, None])
        axes.plot(begin[0], begin[1], "o", color="C0", fillstyle="none", label="start")
        axes.set_xlim(low[0] - margin, high[0] + margin)
        axes.set_ylim(low[1] - margin, high[1] + margin)
        axes.set_xlabel(manifold.loss.variables[0])
        axes.set_ylabel(manifold.loss.variables[1])
        axes.legend(frameon=False, fontsize="small")
        return axes


class _Numbers:
    """The formulas of a flow as functions of floats."""

    def __init__(self, flow: SlowFlow) -> None:
        self.flow = flow
        self.values = {n: float(v) for n, v in flow.values}
        self.width = len(flow.coordinates)

    def _run(self, formulas: Sequence[Any], theta: FloatArray) -> FloatArray:
        with np.errstate(all="ignore"):
            found = self.flow.manifold.evaluate(list(formulas), theta, self.values)
        return np.stack([np.asarray(f, dtype=float) for f in found])

    def point(self, theta: FloatArray) -> FloatArray:
        """m(θ) for θ of shape (k, n), shape (d, n)."""
        return self._run(self.flow.manifold.point, theta)

    def velocity(self, theta: FloatArray) -> FloatArray:
        """dθ/dt over small² at one θ, shape (k,)."""
        return self._run(self.flow.velocity, theta[:, None])[:, 0]

    def transient(self, theta: FloatArray) -> FloatArray:
        return self._run(self.flow.transient, theta[:, None])[:, 0]

    def slack(self, theta: FloatArray) -> float:
        """The least of the quantities that have to be positive."""
        conditions = self.flow.conditions
        found = self._run(conditions, theta[:, None]) if conditions else np.ones((1, 1))
        return float(found.min()) if np.isfinite(found).all() else float("nan")

    def radius(self, theta: FloatArray) -> float:
        return float(self._run([self.flow.amplitude / self.flow.law.small], theta[:, None])[0, 0])

    def normal(self, theta: FloatArray) -> FloatArray:
        """The unit normal along which the cycle extends, its largest entry positive."""
        manifold = self.flow.manifold
        d = len(manifold.loss.variables)
        hessian = self._run(list(manifold.hessian), theta[:, None])[:, 0].reshape(d, d)
        values, vectors = np.linalg.eigh(hessian)
        curvature = float(self._run([self.flow.curvature], theta[:, None])[0, 0])
        n = vectors[:, int(np.abs(values - curvature).argmin())]
        return n * np.sign(n[int(np.abs(n).argmax())])

    def project(self, states: FloatArray, guess: FloatArray) -> FloatArray:
        """The θ of the nearest point of the manifold, by Gauss and Newton; shapes (n, d), (n, k) -> (n, k)."""
        manifold, theta = self.flow.manifold, guess.T.copy()
        d, k = manifold.tangent.shape
        for _ in range(60):
            away = states.T - self.point(theta)
            tangent = self._run(list(manifold.tangent), theta).reshape(d, k, -1)
            metric = np.einsum("ian,ibn->nab", tangent, tangent)
            slope = np.einsum("ian,in->na", tangent, away)
            step = np.linalg.solve(metric, slope[..., None])[..., 0]
            theta = theta + step.T
            if np.abs(step).max() <= 1e-15 * (1 + np.abs(theta).max()):
                break
        return theta.T

    def solve(self, start: FloatArray, time: float) -> Any:
        """The flow on [0, time] with dense output, stopped where the law ends."""

        def ends(_: float, theta: FloatArray) -> float:
            slack = self.slack(theta)
            return slack - 1e-9 if np.isfinite(slack) else -1.0

        ends.terminal = True  # type: ignore[attr-defined]
        return solve_ivp(lambda _, x: self.velocity(x), (0.0, time), start, dense_output=True, events=ends, **_TIGHT)

    def flow_at(self, start: FloatArray, times: FloatArray) -> FloatArray:
        """θ at the given times, shape (n, k)."""
        found = self.solve(start, float(times.max()) * (1 + 1e-12))
        return np.asarray(found.sol(np.minimum(times, found.t[-1]))).T

    def end(self, start: FloatArray) -> FloatArray | None:
        """Where the flow from ``start`` comes to rest in the domain of the law, if it does."""
        first = float(np.linalg.norm(self.velocity(start)))
        if first == 0.0:
            return None
        time, theta = 1.0 / first, start
        for _ in range(40):
            found = self.solve(theta, time)
            theta = found.y[:, -1]
            if found.status != 0 or not np.isfinite(theta).all() or np.abs(theta).max() > 1e6:
                return None
            if float(np.linalg.norm(self.velocity(theta))) <= 1e-12 * first:
                return theta
            time *= 1.6
        return None


def compare(
    flow: SlowFlow,
    start: Mapping[str, Any],
    sizes: Sequence[Any],
    time: float | None,
    steps: int,
    progress: Callable[[str], None] | None,
) -> DriftComparison:
    """See :meth:`SlowFlow.compare`."""
    small = str(flow.law.small)
    names = [str(c) for c in flow.coordinates]
    if sorted(start) != sorted(names):
        raise InputError(f"the start is a number for each of {', '.join(names)}, not for {', '.join(start) or 'none'}")
    missing = [n for n in flow.map.parameters if n != small and n not in dict(flow.values)]
    if missing:
        raise InputError(f"a simulation needs a number for {missing[0]}")
    lengths = sorted({float(exact(s, small)) for s in sizes}, reverse=True)
    if not lengths or min(lengths) <= 0:
        raise InputError(f"give at least one positive value of {small}")
    theta = np.array([float(exact(start[n], n)) for n in names])
    numbers = _Numbers(flow)
    slack = numbers.slack(theta)
    if not slack > 0:
        raise InputError(f"the law does not hold at the start ({_vector(theta)}): it needs {flow.conditions_text()}")
    work = _Drifting(flow, numbers, theta, lengths, time, steps) if flow.law.drifts else _Resting(flow, numbers, theta)
    runs: list[DriftRun] = []
    interrupted = False
    try:
        for size in lengths:
            runs.append(work.run(size))
            if progress is not None:
                progress(f"{small} = {size:.6g}: ratio {runs[-1].ratio:.8f}")
    except KeyboardInterrupt:
        interrupted = True
    used = [r for r in runs if r.deviation > r.rounding]
    order = spread = None
    if len(used) >= 3:
        order, spread = line(np.log([r.size for r in used]), np.log([r.deviation for r in used]))
    end = work.end
    return DriftComparison(
        flow, tuple(theta), tuple(runs), order, spread, None if end is None else tuple(end), interrupted
    )


class _Drifting:
    """Runs on the 2-cycle."""

    def __init__(
        self,
        flow: SlowFlow,
        numbers: _Numbers,
        theta: FloatArray,
        lengths: Sequence[float],
        time: float | None,
        steps: int,
    ) -> None:
        self.flow, self.numbers, self.theta = flow, numbers, theta
        velocity = numbers.velocity(theta)
        speed = float(np.linalg.norm(velocity))
        if speed == 0.0:
            raise InputError(f"the flow does not move from the start ({_vector(theta)}); choose another")
        self.end = numbers.end(theta)
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
        assert self.end is not None
        return np.asarray(np.linalg.norm(path - self.end, axis=1) / np.linalg.norm(self.theta - self.end))

    def _arrival(self) -> float | None:
        if self.end is None:
            return None
        speed = float(np.linalg.norm(self.numbers.velocity(self.theta)))
        time = float(np.linalg.norm(self.theta - self.end)) / speed
        while True:
            found = self.numbers.solve(self.theta, time)
            left = lambda t, f=found: float(self._share(f.sol(t)[None, :])[0]) - (1 - SHARE)  # noqa: E731
            if left(found.t[-1]) < 0:
                break
            time *= 2
        from scipy.optimize import brentq

        return float(brentq(left, 0.0, found.t[-1], xtol=1e-14, rtol=1e-14))

    def run(self, size: float) -> DriftRun:
        half = int(np.ceil(self.time / size**2 / 2))
        stride = 2 * max(1, half // _RECORDS)
        steps = stride * max(1, round(2 * half / stride))
        total = stride * int(np.ceil(max(self.horizon / size**2, steps) / stride))
        n, numbers = self.numbers.normal(self.theta), self.numbers
        begin = numbers.point(self.theta[:, None])[:, 0] + size * numbers.radius(self.theta) * n
        params = {**numbers.values, str(self.flow.law.small): size}
        found = orbit(self.flow.map, begin, total, params, record_every=stride)
        assert found.states is not None
        times = size**2 * found.recorded_steps.astype(float)
        predicted = numbers.flow_at(self.theta, times)
        path = numbers.project(found.states, predicted)
        last = steps // stride
        measured, expected = path[last] - self.theta, predicted[last] - self.theta
        length = float(np.linalg.norm(expected))
        deviation = float(np.linalg.norm(measured - expected)) / length
        rounding = 50 * 4e-16 * (2 + np.sqrt(steps)) * (1 + float(np.linalg.norm(self.theta))) / length + 1e-10
        return DriftRun(
            size, steps, measured, expected, deviation, rounding, self._arrived(times, path), self.arrival, None,
            times, path, found.states,
        )  # fmt: skip

    def _arrived(self, times: FloatArray, path: FloatArray) -> float | None:
        """The time at which the run has covered its share of the way, between records by a cubic."""
        if self.arrival is None:
            return None
        left = self._share(path) - (1 - SHARE)
        below = np.flatnonzero(left < 0)
        if not len(below):
            return None
        from scipy.interpolate import CubicSpline
        from scipy.optimize import brentq

        i = int(below[0])
        low, high = max(0, i - 4), min(len(times), i + 4)
        curve = CubicSpline(times[low:high], left[low:high])
        return float(brentq(lambda t: float(curve(t)), times[i - 1], times[i], xtol=1e-14))


class _Resting:
    """Runs into the minima, where there is no drift."""

    end = None

    def __init__(self, flow: SlowFlow, numbers: _Numbers, theta: FloatArray) -> None:
        if flow.law.transient == 0:
            raise InputError(f"{flow.map.rule.name} does not drift, and how it comes to rest is not derived")
        self.flow, self.numbers, self.theta = flow, numbers, theta
        multipliers = [flow.on_manifold(m) for m in flow.law.multipliers]
        slowest = float(np.abs(numbers._run(multipliers, theta[:, None])).max())
        self.steps = 20 if slowest < 1e-2 else int(np.ceil(np.log(1e-18) / np.log(slowest)))
        if self.steps > 1_000_000:
            raise InputError(f"the minima attract with multiplier {slowest:.9g} only: {self.steps} steps are too many")

    def run(self, size: float) -> DriftRun:
        numbers = self.numbers
        begin = numbers.point(self.theta[:, None])[:, 0] + size * numbers.normal(self.theta)
        found = orbit(self.flow.map, begin, 2 * self.steps, numbers.values, record_every=1)
        assert found.states is not None
        path = numbers.project(found.states, np.tile(self.theta, (len(found.states), 1)))
        measured, expected = path[self.steps] - self.theta, size**2 * numbers.transient(self.theta)
        length = float(np.linalg.norm(expected))
        if length == 0.0:
            raise InputError(f"the curvature is stationary at the start ({_vector(self.theta)}); choose another")
        deviation = float(np.linalg.norm(measured - expected)) / length
        rounding = 50 * 4e-16 * (2 + np.sqrt(self.steps)) * (1 + float(np.linalg.norm(self.theta))) / length
        afterwards = float(np.linalg.norm(path[-1] - path[self.steps]))
        times = size**2 * found.recorded_steps.astype(float)
        return DriftRun(
            size, self.steps, measured, expected, deviation, rounding, None, None, afterwards,
            times, path, found.states,
        )  # fmt: skip


def _vector(v: Sequence[float] | FloatArray) -> str:
    return ", ".join(f"{float(c):.9g}" for c in v)
