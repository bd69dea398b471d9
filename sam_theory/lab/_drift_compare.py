"""Measurement beside prediction: simulated motion along the minima against the slow flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.engines._search._asymptotic import line
from sam_theory.errors import InputError
from sam_theory.lab._at import at
from sam_theory.lab._drift import SlowFlow
from sam_theory.lab._drift_numbers import FlowNumbers
from sam_theory.lab._drift_runs import SHARE, Drifting, DriftRun, Resting, vector
from sam_theory.lab._save import save_json
from sam_theory.losses._concrete import exact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DriftComparison", "compare"]


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
                "measured": vector(r.measured),
                "predicted": vector(r.predicted),
                "ratio": f"{r.ratio:.9f}",
                "deviation": f"{r.deviation:.3g}" + (" (rounding)" if r.deviation <= r.rounding else ""),
            }
            if self.flow.law.drifts:
                row["time to flattest"] = "-" if r.arrival is None else f"{r.arrival:.8g}"
                row["over predicted"] = "-" if r.arrival_ratio is None else f"{r.arrival_ratio:.8f}"
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
        return (
            f"flattest point {at}; times are {small}^2 times the steps until {SHARE:.0%} of the way to it are covered"
        )

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
        """θ against ρ² times the step number: every run, and the predicted flow.

        Without axes, for a loss of two coordinates, the plane is drawn beside it.  Returns the axes.
        """
        import matplotlib.pyplot as plt

        if axes is None and len(self.flow.manifold.loss.variables) == 2:
            _, (plane, axes) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
            self.plot_plane(plane)
        elif axes is None:
            _, axes = plt.subplots(layout="constrained")
        numbers, small = FlowNumbers(self.flow), self.flow.law.small
        marks = ("o", "s", "^", "v", "D", "x")
        for i, r in enumerate(self.runs):
            some = slice(None, None, max(1, len(r.times) // 24))
            for j in range(len(self.flow.coordinates)):
                label = f"simulated, {small} = {r.size:.3g}" if j == 0 else None
                axes.plot(
                    r.times[some],
                    r.path[some, j],
                    marks[i % 6],
                    color=f"C{i + 1}",
                    markersize=4,
                    fillstyle="none",
                    label=label,
                )
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
        numbers = FlowNumbers(self.flow)
        marked = [np.array(p)[:, None] for p in (self.start, self.flattest) if p is not None]
        every = np.concatenate([run.states, numbers.point(run.path.T).T, *(numbers.point(p).T for p in marked)])
        low, high = every.min(axis=0), every.max(axis=0)
        margin = 0.1 * float((high - low).max())
        ends = np.array([run.path[:, 0].min(), run.path[:, 0].max()])
        line_of = np.linspace(ends[0] - 0.15 * np.ptp(ends), ends[1] + 0.15 * np.ptp(ends), 300)
        minima = numbers.point(line_of[None, :])
        axes.plot(minima[0], minima[1], "k-", linewidth=1, label="minima")
        small = str(self.flow.law.small)
        values = {**numbers.values, small: run.size} if small in self.flow.map.parameters else numbers.values
        every_side = [run.states]
        if len(self.flow.map.state) == 1:  # records are taken at even steps
            every_side.append(at(self.flow.map, values).step(run.states))
        for states in every_side:
            axes.plot(states[:, 0], states[:, 1], ".", color="C1", markersize=3)
        axes.plot([], [], ".", color="C1", label=f"iterates, {small} = {run.size:.3g}")
        if self.flow.law.drifts:
            for side in (1, -1):
                cycle = numbers.cycle(line_of, side * run.size)
                label = "2-cycle to leading order" if side > 0 else None
                axes.plot(cycle[0], cycle[1], "C2--", linewidth=1, label=label)
        begin, *reached = (numbers.point(p) for p in marked)
        axes.plot(begin[0], begin[1], "o", color="C0", fillstyle="none", label="start")
        for end in reached:
            axes.plot(end[0], end[1], "*", color="C3", markersize=12, label="flattest point")
        axes.set_xlim(low[0] - margin, high[0] + margin)
        axes.set_ylim(low[1] - margin, high[1] + margin)
        axes.set_aspect("equal", adjustable="box")
        axes.set_xlabel(manifold.loss.variables[0])
        axes.set_ylabel(manifold.loss.variables[1])
        axes.legend(frameon=False, fontsize="small")
        return axes


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
    known = {*names, small, *dict(flow.values)}
    unknown = sorted({s.name for e in (flow.curvature, *flow.manifold.point) for s in e.free_symbols} - known)
    if unknown:
        raise InputError(f"{flow.map.loss.name} leaves {unknown[0]} open: it cannot be simulated; take a concrete loss")
    lengths = sorted({float(exact(s, small)) for s in sizes}, reverse=True)
    if not lengths or min(lengths) <= 0:
        raise InputError(f"give at least one positive value of {small}")
    if max(lengths) > 1e100 or min(lengths) < 1e-100:
        raise InputError(f"{small} has to lie between 1e-100 and 1e100")
    theta = np.array([float(exact(start[n], n)) for n in names])
    numbers = FlowNumbers(flow)
    slack = numbers.slack(theta)
    if not slack > 0:
        raise InputError(f"the law does not hold at the start ({vector(theta)}): it needs {flow.conditions_text()}")
    work: Drifting | Resting
    work = Drifting(flow, numbers, theta, lengths, time, steps) if flow.law.drifts else Resting(flow, numbers, theta)
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
    end = None if work.end is None else tuple(float(c) for c in np.round(work.end, 11) + 0.0)
    return DriftComparison(flow, tuple(map(float, theta)), tuple(runs), order, spread, end, interrupted)
