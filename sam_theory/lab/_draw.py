"""How branches look: numbers as texts, and the bifurcation diagram."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sam_theory.lab._at import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sam_theory.lab._branch import Branch

__all__ = ["draw", "numbers", "point_text"]

_MARKS = {
    "flip": "s",
    "fold": "^",
    "pitchfork": "P",
    "transcritical": "X",
    "branch point": "X",
    "Neimark-Sacker": "D",
    "period halving": "o",
    "jump": "x",
}
_GREEK = {"eta": "η", "rho": "ρ", "eps": "ε", "lam": "λ"}


def numbers(values: npt.NDArray[np.complex128]) -> str:
    """Multipliers as a text."""
    return ", ".join(_number(complex(m)) for m in values) or "-"


def _number(m: complex) -> str:
    return f"{m.real:.10g}" if abs(m.imag) < 1e-12 * (1 + abs(m)) else f"{m.real:.8g}{m.imag:+.8g}i"


def point_text(point: FloatArray) -> str:
    """A state as a text."""
    return "(" + ", ".join(f"{c:.10g}" for c in point) + ")"


def draw(branch: Branch, axes: Axes | None, place: int) -> Axes:
    """Coordinate ``place`` of the orbits of a branch over the parameter."""
    import matplotlib.pyplot as plt

    if axes is None:
        _, axes = plt.subplots(layout="constrained")
    known = set(axes.get_legend_handles_labels()[1])
    what = "fixed point" if branch.period == 1 else f"period {branch.period}"
    colour = f"C{branch.period - 1}"
    for stable, style in ((True, "-"), (False, "--")):
        label = f"{what}, {'stable' if stable else 'unstable'}"
        for x, y in _lines(branch, stable, place):
            for column in y.T:
                axes.plot(x, column, style, color=colour, label=None if label in known else label)
                known.add(label)
    for s in branch.special:
        label = s.kind if s.type == "-" or s.kind == "fold" else f"{s.kind}, {s.type}"
        x = np.full(branch.period, s.parameter)
        fill = "none" if s.type in ("subcritical", "degenerate") else "full"
        axes.plot(
            x,
            s.points[:, place],
            _MARKS.get(s.kind, "x"),
            color="black",
            fillstyle=fill,
            markersize=6,
            label=None if label in known else label,
        )
        known.add(label)
    axes.set_xlabel(_GREEK.get(branch.curve.parameter, branch.curve.parameter))
    axes.set_ylabel(branch.curve.names[place])
    axes.legend(frameon=False, fontsize="small")
    return axes


def _lines(branch: Branch, stable: bool, place: int) -> list[tuple[FloatArray, FloatArray]]:
    """Pieces of the branch of one stability: parameter (m,) and coordinate (m, period).

    A special point belongs to the pieces on both of its sides.
    """
    pieces: list[list[tuple[float, FloatArray]]] = [[]]
    for i, (p, o, s) in enumerate(zip(branch.parameters, branch.orbits, branch.stable, strict=True)):
        if s == stable:
            pieces[-1].append((float(p), o[:, place]))
        elif pieces[-1]:
            pieces.append([])
        for point in (q for q in branch.special if q.index == i):
            here = (point.parameter, point.points[:, place])
            if s == stable:
                pieces[-1].append(here)
            elif i + 1 < len(branch) and branch.stable[i + 1] == stable:
                pieces[-1] = [here]
    return [(np.array([e[0] for e in p]), np.array([e[1] for e in p])) for p in pieces if p]
