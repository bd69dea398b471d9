"""Periodic orbits as objects: where they lie, what they are, and a table of all that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.engines import Box, CertifiedCycle
from sam_theory.lab._at import FloatArray, MapAt
from sam_theory.lab._save import save_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PeriodicOrbit", "PeriodicOrbits"]


@dataclass(frozen=True)
class PeriodicOrbit:
    """A fixed point or a cycle.

    Parameters
    ----------
    points : ndarray, shape (period, d)
        In the order in which they are visited.
    multipliers : ndarray of complex, shape (d,), or None
        Eigenvalues of the derivative of the return map, by falling modulus; None where the map jumps.
    kind : str
        ``cycle``; for fixed points ``minimum``, ``saddle``, ``maximum`` or ``degenerate`` (stationary points of the
        loss, by the eigenvalues of the Hessian) or ``hallucinated`` (the gradient does not vanish there).
    stability : str
        ``stable``, ``unstable``, ``neutral`` (a multiplier of modulus 1 up to rounding) or ``jump`` (a normalised step
        keeps the point and moves every neighbour away by a fixed length).
    dimension : int
        0 for an isolated orbit, else the dimension of the continuum of orbits on which it lies.
    certified : CertifiedCycle or None
        Existence and local uniqueness, proved by Krawczyk's test at the exact parameters; for ``jump`` that of the
        stationary point.  None: not proved.
    formula : tuple of str or None
        The points in closed form, where SymPy finds one.
    mirror : int or None
        Number of the orbit into which w → −w takes this one, its own for a symmetric orbit; None where the map has
        not this symmetry.
    """

    points: FloatArray
    multipliers: npt.NDArray[np.complex128] | None
    kind: str
    stability: str
    dimension: int = 0
    certified: CertifiedCycle | None = None
    formula: tuple[str, ...] | None = None
    mirror: int | None = None

    @property
    def period(self) -> int:
        """Number of points."""
        return len(self.points)

    def to_json(self) -> dict[str, Any]:
        """Plain data, floats with all their digits."""
        multipliers = None
        if self.multipliers is not None:
            multipliers = [[float(m.real), float(m.imag)] for m in self.multipliers]
        return {
            "period": self.period,
            "points": self.points.tolist(),
            "multipliers": multipliers,
            "kind": self.kind,
            "stability": self.stability,
            "dimension": self.dimension,
            "certified": self.certified is not None,
            "formula": None if self.formula is None else list(self.formula),
            "mirror": self.mirror,
        }


@dataclass(frozen=True)
class PeriodicOrbits:
    """What a search found, and how far it can be trusted to be all.

    Parameters
    ----------
    orbits : tuple of PeriodicOrbit
        By period, then by first point.
    here : MapAt
    box : Box
        The states that were searched.
    periods : tuple of int
    starts : int
        Starts of Newton's method, for each period.
    unresolved : tuple of Box or None
        Every point of these periods in the box belongs to a certified orbit of this list or lies in one of these
        boxes; None if that was not asked for, or cannot be because of a continuum.
    interrupted : bool
        Whether the search was stopped before its end.
    """

    orbits: tuple[PeriodicOrbit, ...]
    here: MapAt
    box: Box
    periods: tuple[int, ...]
    starts: int
    unresolved: tuple[Box, ...] | None = field(default=None, repr=False)
    interrupted: bool = False

    def __iter__(self) -> Iterator[PeriodicOrbit]:
        return iter(self.orbits)

    def __len__(self) -> int:
        return len(self.orbits)

    def __getitem__(self, i: int) -> PeriodicOrbit:
        return self.orbits[i]

    @property
    def uncovered(self) -> float | None:
        """The share of the box that is unresolved."""
        if self.unresolved is None:
            return None
        return float(sum(b.volume(self.here.names) for b in self.unresolved) / self.box.volume(self.here.names))

    def to_table(self) -> list[dict[str, str]]:
        """One row for each orbit, every cell a text."""
        return [
            {
                "no": str(i),
                "period": str(o.period),
                "kind": o.kind if not o.dimension else f"{o.kind} (continuum of dimension {o.dimension})",
                "stability": o.stability,
                "first point": _point(o.points[0]),
                "multipliers": "-" if o.multipliers is None else ", ".join(_number(m) for m in o.multipliers),
                "mirror": "-" if o.mirror is None else "itself" if o.mirror == i else str(o.mirror),
                "certified": "yes" if o.certified is not None else "no",
                "formula": "-" if o.formula is None else " -> ".join(o.formula),
            }
            for i, o in enumerate(self.orbits)
        ]

    def coverage(self) -> str:
        """What is known of orbits that are not in the list, in one sentence."""
        if self.interrupted:
            return "interrupted: the list may lack orbits"
        if self.unresolved is None:
            return f"Newton's method from {self.starts} starts for each period; nothing is proved about further orbits"
        if not self.unresolved:
            return "proved: the box holds no other orbit of these periods"
        finest = {n: self.box.width(n) / 2**19 for n in self.here.names}
        size, why = "small ", "in which the map jumps, has a kink or is degenerate"
        if any(b.width(n) > finest[n] for b in self.unresolved for n in finest):
            size, why = "", "which more cells would divide further"
        return (
            f"proved: every other orbit of these periods lies in {len(self.unresolved)} {size}boxes, "
            f"{self.uncovered:.2g} of the volume, {why}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": "periodic orbits",
            "map": {"rule": self.here.map.rule.name, "loss": self.here.map.loss.name},
            "parameters": {n: str(v) for n, v in self.here.values.items()},
            "coordinates": list(self.here.names),
            "box": {n: [str(c) for c in self.box[n]] for n in self.box},
            "periods": list(self.periods),
            "starts": self.starts,
            "interrupted": self.interrupted,
            "orbits": [o.to_json() for o in self.orbits],
            "unresolved": None
            if self.unresolved is None
            else [{n: [str(c) for c in b[n]] for n in b} for b in self.unresolved],
            "coverage": self.coverage(),
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; the file appears whole or not at all.

        Raises InputError if it cannot be written.
        """
        save_json(path, self.to_json())

    def plot(self, axes: Axes | None = None) -> Axes:
        """The orbits in the plane of the first two coordinates, or on a line: filled where stable.

        Returns the axes, for titles and for saving.
        """
        import matplotlib.pyplot as plt

        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        marks = {"stable": ("o", "full"), "unstable": ("o", "none"), "neutral": ("D", "none"), "jump": ("X", "full")}
        flat = len(self.here.names) == 1
        shown: set[str] = set()
        for o in self.orbits:
            mark, fill = marks[o.stability]
            name = o.kind if o.period == 1 else f"period {o.period}"
            label = f"{name}{' (one point of a continuum)' if o.dimension else ''}, {o.stability}"
            x, y = o.points[:, 0], np.full(o.period, float(o.period)) if flat else o.points[:, 1]
            colour = f"C{(o.period - 1) % 10}"
            if o.period > 1:
                axes.plot([*x, x[0]], [*y, y[0]], "-", color=colour, linewidth=0.8, alpha=0.6)
            axes.plot(x, y, mark, fillstyle=fill, color=colour, markersize=7, label=None if label in shown else label)
            shown.add(label)
        axes.set_xlabel(self.here.names[0])
        axes.set_ylabel("period" if flat else self.here.names[1])
        if flat:
            axes.set_yticks(sorted({o.period for o in self.orbits}))
        if shown:
            axes.legend(frameon=False, fontsize="small")
        return axes


def _number(m: complex) -> str:
    return f"{m.real:.10g}" if abs(m.imag) < 1e-12 * (1 + abs(m)) else f"{m.real:.8g}{m.imag:+.8g}i"


def _point(point: Sequence[float]) -> str:
    return "(" + ", ".join(f"{c:.10g}" for c in point) + ")"
