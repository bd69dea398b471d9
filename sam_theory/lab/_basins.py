"""Basins as an object: a label for each start, what each label stands for, its table and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.lab._at import FloatArray, MapAt
from sam_theory.lab._attractor import IntArray
from sam_theory.lab._save import save_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LOST", "UNKNOWN", "Basin", "Basins"]

#: Labels of starts whose orbit diverged, and of starts that were not followed.
LOST, UNKNOWN = -1, -2


@dataclass(frozen=True)
class Basin:
    """Starts whose orbits end alike.

    Parameters
    ----------
    kind : str
        ``fixed point``, ``cycle``, ``continuum`` (of cycles, each orbit ending on one of them), ``aperiodic`` (settled
        on no cycle up to the last step: chaotic, quasi-periodic, of a longer period, or not settled yet) or
        ``drifting`` (near a cycle, and moved by nearly the same vector in each period: along a manifold, or slowly to
        a limit).
    period : int
        0 for ``aperiodic``; for ``drifting`` the period near which it is.
    points : ndarray, shape (m, d)
        The points of the cycle; of the others a sample of their last states.
    share : float
        Of the starts.
    dimension : int
        Of a continuum, else 0.
    multipliers : ndarray of complex, shape (d,), or None
        Of a cycle; of a continuum those at one of its points.  None where there is no derivative, or it has no limit.
    stability : str
        ``stable``, ``neutral``, ``unstable`` (a saddle on whose stable manifold some starts lie), ``no derivative``, or
        empty where no cycle is known.
    gradient : float or None
        The largest ‖∇L‖ at an iterate of the cycle.
    resolution : float
        To which points of cycles are known.
    speed : float
        Of a drift: the median distance per step, without the motion on the cycle.
    along_minima : bool
        Of a drift: whether most of these orbits move along a manifold of minima beside their cycle.
    """

    kind: str
    period: int
    points: FloatArray
    share: float
    dimension: int = 0
    multipliers: npt.NDArray[np.complex128] | None = None
    stability: str = ""
    gradient: float | None = None
    resolution: float = 0.0
    speed: float = 0.0
    along_minima: bool = False

    @property
    def text(self) -> str:
        """What it is, in a few words."""
        if self.kind == "fixed point":
            return f"fixed point {self._first()}"
        if self.kind == "cycle":
            return f"period {self.period} through {self._first()}"
        if self.kind == "continuum":
            what = "fixed points" if self.period == 1 else f"cycles of period {self.period}"
            return f"continuum of {what}, dimension {self.dimension}"
        if self.kind == "aperiodic":
            return "aperiodic"
        where = " along a manifold of minima" if self.along_minima else ""
        return f"drifting near period {self.period}{where}, {self.speed:.2g} per step"

    def _first(self) -> str:
        point = np.where(np.abs(self.points[0]) <= self.resolution, 0.0, self.points[0])
        return "(" + ", ".join(f"{c:.5g}" for c in point) + ")"


@dataclass(frozen=True)
class Basins:
    """Where the orbits of a grid of starts end.

    Parameters
    ----------
    basins : tuple of Basin
        The largest first.
    labels : ndarray of int
        For each start, in the order of ``axes``, the number of its basin; −1 diverged, −2 not followed.
    axes : mapping of str to ndarray
        The starts along the coordinates that vary.
    fixed : mapping of str to float
        The other coordinates of all starts.
    here : MapAt
    steps : int
    tolerance : float
    interrupted : bool
    """

    basins: tuple[Basin, ...]
    labels: IntArray
    axes: Mapping[str, FloatArray]
    fixed: Mapping[str, float]
    here: MapAt
    steps: int
    tolerance: float
    interrupted: bool = field(default=False)

    @property
    def attractors(self) -> tuple[Basin, ...]:
        """Those whose end is known and not a saddle."""
        known = ("fixed point", "cycle", "continuum")
        return tuple(b for b in self.basins if b.kind in known and b.stability != "unstable")

    @property
    def diverged(self) -> float:
        """The share of starts whose orbit diverged."""
        return float(np.mean(self.labels == LOST))

    def to_table(self) -> list[dict[str, str]]:
        """One row for each basin, and for divergence, every cell a text."""
        rows = [
            {
                "no": str(i),
                "share": f"{b.share:.4%}",
                "end": b.text,
                "stability": b.stability or "-",
                "|multipliers|": "-" if b.multipliers is None else ", ".join(f"{abs(m):.6g}" for m in b.multipliers),
                "|grad L|": "-" if b.gradient is None else f"{b.gradient:.3g}",
            }
            for i, b in enumerate(self.basins)
        ]
        for code, text in ((LOST, "diverged"), (UNKNOWN, "not followed")):
            share = float(np.mean(self.labels == code))
            if share:
                rows.append(
                    {
                        "no": str(code),
                        "share": f"{share:.4%}",
                        "end": text,
                        "stability": "-",
                        "|multipliers|": "-",
                        "|grad L|": "-",
                    }
                )
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "kind": "basins",
            "map": {"rule": self.here.map.rule.name, "loss": self.here.map.loss.name},
            "parameters": {n: str(v) for n, v in self.here.values.items()},
            "coordinates": list(self.here.names),
            "axes": {n: a.tolist() for n, a in self.axes.items()},
            "fixed": dict(self.fixed),
            "steps": self.steps,
            "tolerance": self.tolerance,
            "interrupted": self.interrupted,
            "diverged": self.diverged,
            "basins": [
                {
                    "kind": b.kind,
                    "period": b.period,
                    "dimension": b.dimension,
                    "share": b.share,
                    "stability": b.stability,
                    "gradient": b.gradient,
                    "speed": b.speed,
                    "along_minima": b.along_minima,
                    "multipliers": None
                    if b.multipliers is None
                    else [[float(m.real), float(m.imag)] for m in b.multipliers],
                    "points": b.points.tolist(),
                }
                for b in self.basins
            ],
            "labels": self.labels.tolist(),
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; raises InputError if it cannot be written."""
        save_json(path, self.to_json())

    def plot(self, axes: Axes | None = None) -> Axes:
        """One colour for each basin, with the points of its attractor; black where orbits diverged."""
        import matplotlib.pyplot as plt
        from matplotlib.colors import ListedColormap
        from matplotlib.patches import Patch

        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        colours = [_COLOURS[i % len(_COLOURS)] for i in range(len(self.basins))]
        shown = ListedColormap(["white", "0.15", *colours])
        names = list(self.axes)
        values = list(self.axes.values())
        flat = len(names) == 1
        image = self.labels[:, None] if flat else self.labels
        across, up = _ends(values[0]), (0.0, 1.0) if flat else _ends(values[1])
        axes.imshow(
            image.T - UNKNOWN,
            origin="lower",
            extent=(*across, *up),
            aspect="auto",
            cmap=shown,
            vmin=-0.5,
            vmax=len(self.basins) + 1.5,
            interpolation="nearest",
            alpha=0.6,
        )
        at = [self.here.names.index(n) for n in names]
        for basin, colour in zip(self.basins, colours, strict=True):
            x = basin.points[:, at[0]]
            y = np.full(len(x), 0.5) if flat else basin.points[:, at[1]]
            isolated = basin.kind in ("fixed point", "cycle")
            axes.plot(
                x,
                y,
                "o" if isolated else ".",
                color=colour,
                markersize=6 if isolated else 2.5,
                markeredgecolor="black" if isolated else colour,
                linestyle="none",
            )
        axes.set_xlim(*across)
        axes.set_ylim(*up)
        axes.set_xlabel(names[0])
        axes.set_ylabel("" if flat else names[1])
        if flat:
            axes.set_yticks([])
        listed = [
            Patch(facecolor=c, alpha=0.6, label=f"{b.text}: {b.share:.1%}")
            for b, c in list(zip(self.basins, colours, strict=True))[:_LISTED]
        ]
        if len(self.basins) > _LISTED:
            listed.append(Patch(facecolor="none", label=f"and {len(self.basins) - _LISTED} more"))
        if self.diverged:
            listed.append(Patch(facecolor="0.15", alpha=0.6, label=f"diverged: {self.diverged:.1%}"))
        axes.legend(handles=listed, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12), frameon=False)
        return axes


#: Colours told apart also without hue, in order of the shares; basins named in the legend.
_COLOURS = (
    "#4477aa",
    "#ee6677",
    "#228833",
    "#ccbb44",
    "#66ccee",
    "#aa3377",
    "#ee8866",
    "#44bb99",
    "#999933",
    "#882255",
)
_LISTED = 10


def _ends(values: FloatArray) -> tuple[float, float]:
    half = (values[1] - values[0]) / 2 if len(values) > 1 else 0.5
    return float(values[0] - half), float(values[-1] + half)
