"""Pictures of sweeps: outcomes and other quantities over one or two axes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.errors import InputError, nearest
from sam_theory.sweeps._tiles import OUTCOMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sam_theory.sweeps._result import SweepResult

__all__ = ["draw"]

_GREEK = {"eta": "η", "rho": "ρ", "eps": "ε", "lam": "λ", "beta": "β", "alpha": "α"}
#: Of Okabe and Ito: told apart with any colour vision.
_COLOURS = {
    "running": "#E69F00",
    "converged": "#0072B2",
    "period-2": "#56B4E9",
    "diverged": "#D55E00",
    "zero-gradient": "#009E73",
}


def draw(
    result: SweepResult, name: str, x: str | None, y: str | None, at: Mapping[str, float], axes: Axes | None
) -> Axes:
    """Draw quantity ``name`` over the axes ``x`` and ``y``."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    values, said = _chosen(result, name, x, y, at)
    grids = {n: v if v.ndim == 1 else np.arange(len(v)) * 1.0 for n, v in result.axes.items() if n in said.order}
    own = axes is None
    if axes is None:
        _, axes = plt.subplots(figsize=(6.4, 4.8 if len(said.order) > 1 else 3.2), layout="constrained")
    title = f"{result.specification['rule']['name']} on {result.specification['loss']['name']}"
    axes.set_title("\n".join([title, *said.fixed]), fontsize="medium")
    across = said.order[0]
    axes.set_xlabel(_label(across))
    if len(said.order) > 1:
        _plane(axes, name, values, grids[across], grids[said.order[1]], own)
        axes.set_ylabel(_label(said.order[1]))
        if _geometric(grids[said.order[1]]):
            axes.set_yscale("log")
    else:
        _line(axes, name, values, grids[across], own)
    if _geometric(grids[across]):
        axes.set_xscale("log")
    for n, side in zip(said.order, (axes.xaxis, axes.yaxis), strict=False):
        if result.axes[n].ndim > 1:  # starts have numbers
            side.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    return axes


class _Said:
    """The axes that are drawn, and what is said of the others."""

    def __init__(self, order: list[str], fixed: list[str]) -> None:
        self.order, self.fixed = order, fixed


def _chosen(
    result: SweepResult, name: str, x: str | None, y: str | None, at: Mapping[str, float]
) -> tuple[npt.NDArray[Any], _Said]:
    """The quantity with its drawn axes in the order x, y."""
    grids = result.axes
    for given in (*at, *(n for n in (x, y) if n is not None)):
        if given not in grids:
            raise InputError(f"the sweep has no axis {given!r}; {nearest(given, grids)}")
    if x is not None and x == y:
        raise InputError(f"{x} cannot be both axes of the picture")
    order = [n for n in (x, y) if n is not None]
    if any(n in at for n in order):
        raise InputError(f"{order[0]} is drawn; do not fix it")
    spare = [n for n, v in grids.items() if n not in order and n not in at]
    spare.sort(key=lambda n: len(grids[n]) == 1)  # stable: first those that vary
    wanted = 2 - len(order)
    new = [n for n in spare if len(grids[n]) > 1][:wanted] or ([] if order else spare[:1])
    order = [*new, *order] if x is None and y is not None else [*order, *new]
    values = result.quantity(name)
    if name in result.specification["observe"] or name in result.specification["coordinates"]:
        # Where a trajectory diverged, the numbers are those of its last moments and would drown all others.
        values = np.where(result.arrays["outcome"] == OUTCOMES.index("diverged"), np.nan, values)
    fixed: list[str] = []
    for n in reversed(list(grids)):
        if n in order:
            continue
        grid = grids[n]
        numbers = grid if grid.ndim == 1 else np.arange(len(grid))
        place = int(np.argmin(np.abs(numbers - _number(n, at[n])))) if n in at else 0
        values = np.take(values, place, axis=list(grids).index(n))
        shown = f"{grid[place]:.6g}" if grid.ndim == 1 else f"({', '.join(f'{c:.6g}' for c in grid[place][:4])})"
        fixed.insert(0, f"{_label(n)} = {shown}")
    kept = [n for n in grids if n in order]
    values = np.transpose(values, [kept.index(n) for n in order])
    return values, _Said(order, [", ".join(fixed)] if fixed else [])


def _number(name: str, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = np.nan
    if not np.isfinite(found):
        raise InputError(f"at: {name} is {value!r}; give a finite number, of which the nearest value is taken")
    return found


def _plane(
    axes: Axes, name: str, values: npt.NDArray[Any], x: npt.NDArray[Any], y: npt.NDArray[Any], own: bool
) -> None:
    from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm

    places, other = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    edges = _edges(x[places]), _edges(y[other])
    shown = values[places][:, other].T
    if name == "outcome":
        colours = ListedColormap([_COLOURS[n] for n in OUTCOMES])
        boundaries = BoundaryNorm(np.arange(len(OUTCOMES) + 1) - 0.5, len(OUTCOMES))
        axes.pcolormesh(*edges, shown, cmap=colours, norm=boundaries, rasterized=True)
        _legend(axes, shown, own)
    else:
        finite = np.ma.masked_invalid(shown.astype(float))
        norm = LogNorm() if finite.count() and finite.min() > 0 and finite.max() > 1e3 * finite.min() else None
        axes.set_facecolor("#DDDDDD")
        mesh = axes.pcolormesh(*edges, finite, cmap="viridis", norm=norm, rasterized=True)
        if not finite.count():  # a bar of colours would show numbers that nothing has
            axes.text(0.5, 0.5, f"{name}: all diverged", transform=axes.transAxes, ha="center", va="center")
            return
        axes.figure.colorbar(mesh, ax=axes, label=f"{name} (grey: diverged)" if finite.mask.any() else name)


def _line(axes: Axes, name: str, values: npt.NDArray[Any], x: npt.NDArray[Any], own: bool) -> None:
    order = np.argsort(x, kind="stable")
    if name == "outcome":
        _plane(axes, name, values[:, None], x, np.zeros(1), own)
        axes.set_yticks([])
        return
    axes.plot(x[order], values[order], "o-" if len(x) <= 64 else "-", markersize=3, color=_COLOURS["converged"])
    axes.set_ylabel(name)


def _legend(axes: Axes, shown: npt.NDArray[Any], own: bool) -> None:
    """Below the picture where the figure is our own, else inside of the axes."""
    from matplotlib.patches import Patch

    counts = np.bincount(shown.ravel(), minlength=len(OUTCOMES))
    handles = [
        Patch(color=_COLOURS[n], label=f"{n} {100 * c / shown.size:.3g} %")
        for n, c in zip(OUTCOMES, counts, strict=True)
        if c
    ]
    if own:
        axes.figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(handles)), frameon=False)
    else:
        axes.legend(handles=handles, loc="upper right", fontsize="small")


def _edges(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Limits of the cells around sorted values."""
    if len(values) == 1:
        half = 0.5 * (abs(float(values[0])) or 1.0)
        return np.array([values[0] - half, values[0] + half])
    if _geometric(values):
        return np.exp(_edges(np.log(values)))
    inner = (values[1:] + values[:-1]) / 2
    return np.array([1.5 * values[0] - 0.5 * values[1], *inner, 1.5 * values[-1] - 0.5 * values[-2]])


def _geometric(values: npt.NDArray[Any]) -> bool:
    """Whether values are at equal ratios, over more than a factor of two."""
    values = np.sort(values)
    if len(values) < 3 or values[0] <= 0 or values[-1] < 2 * values[0]:
        return False
    distances = np.diff(np.log(values))
    return bool(np.ptp(distances) <= 1e-6 * distances.max())


def _label(name: str) -> str:
    return _GREEK.get(name, name)
