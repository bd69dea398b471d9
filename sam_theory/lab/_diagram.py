"""Orbit diagrams: the points that orbits visit after a transient, over a range of one parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import parse_expression
from sam_theory.dynamics import Map, check_parameters
from sam_theory.engines import box
from sam_theory.errors import InputError, nearest
from sam_theory.lab._at import FloatArray, MapAt, at
from sam_theory.lab._attractor import (
    APERIODIC,
    DIVERGED,
    DRIFTING,
    REPEATS,
    SETTLED,
    Flock,
    IntArray,
    ends,
    moved_by,
    name_of,
)
from sam_theory.lab._lyapunov import whole_state
from sam_theory.lab._save import save_json

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["OrbitDiagram", "orbit_diagram", "whole_number"]

#: Orbits that are computed together; between such batches an interruption loses nothing.
_BATCH = 1024
#: Numbers that are kept, at most: a gigabyte.
_MOST = 10**8


@dataclass(frozen=True)
class OrbitDiagram:
    """Orbits after a transient over a grid of values of one parameter.

    Parameters
    ----------
    here : MapAt
        The map at the first value.
    name : str
        The parameter that varies.
    values : ndarray, shape (n,)
    starts : ndarray, shape (s, d)
    points : ndarray, shape (n, s, keep, d)
        The last states; NaN for orbits that diverged.
    labels, periods : ndarray of int, shape (n, s)
        How each orbit ended (:func:`sam_theory.lab.orbit_diagram`), and with or near which period.
    transient : int
    tolerance : float
    interrupted : bool
        Then values that were not reached are missing.
    backend : str
        What computed the orbits: ``numpy``, or ``fast`` for machine code.
    """

    here: MapAt
    name: str
    values: FloatArray
    starts: FloatArray
    points: FloatArray
    labels: IntArray
    periods: IntArray
    transient: int
    tolerance: float
    interrupted: bool = False
    backend: str = "numpy"

    def ends(self, i: int) -> tuple[str, ...]:
        """The different ends of the orbits at value ``i``, in words."""
        pairs = zip(self.labels[i].tolist(), self.periods[i].tolist(), strict=True)
        return tuple(name_of(*pair) for pair in sorted(set(pairs)))

    def to_table(self) -> list[dict[str, str]]:
        """One row for each run of values at which orbits end in the same ways, every cell a text."""
        rows = []
        for text, run in groupby(range(len(self.values)), key=lambda i: ", ".join(self.ends(i))):
            at = list(run)
            rows.append(
                {
                    f"{self.name} from": f"{self.values[at[0]]:.8g}",
                    "to": f"{self.values[at[-1]]:.8g}",
                    "values": str(len(at)),
                    "orbits end": text,
                }
            )
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain data; None for the points of orbits that diverged."""
        return {
            "kind": "orbit diagram",
            "map": {"rule": self.here.map.rule.name, "loss": self.here.map.loss.name},
            "parameters": {n: str(v) for n, v in self.here.values.items() if n != self.name},
            "vary": self.name,
            "values": self.values.tolist(),
            "coordinates": list(self.here.names),
            "starts": self.starts.tolist(),
            "transient": self.transient,
            "tolerance": self.tolerance,
            "interrupted": self.interrupted,
            "backend": self.backend,
            "ends": [
                [name_of(a, k) for a, k in zip(row, ks, strict=True)]
                for row, ks in zip(self.labels.tolist(), self.periods.tolist(), strict=True)
            ],
            "points": [
                [None if lost else own.tolist() for own, lost in zip(at, away, strict=True)]
                for at, away in zip(self.points, self.labels == DIVERGED, strict=True)
            ],
        }

    def save(self, path: str | Path) -> None:
        """Write the result as JSON; raises InputError if it cannot be written."""
        save_json(path, self.to_json())

    def plot(self, axes: Axes | None = None, coordinate: int | str = 0, predicted: Sequence[str] = ()) -> Axes:
        """The visited points, one coordinate against the parameter, coloured by how the orbits end.

        ``predicted`` are formulas of the parameters, such as ``"eta*rho/(2-eta)"``, drawn as dashed lines.
        """
        import matplotlib.pyplot as plt

        names = self.here.names
        if isinstance(coordinate, str) and coordinate not in names:
            raise InputError(f"the state has no coordinate '{coordinate}'; {nearest(coordinate, names)}")
        j = names.index(coordinate) if isinstance(coordinate, str) else coordinate
        curves = [self._curve(text) for text in predicted]
        if axes is None:
            _, axes = plt.subplots(layout="constrained")
        for label, colour, text in _COLOURS:
            at = np.argwhere(self.labels == label)
            if not len(at):
                continue
            if label == DIVERGED:
                x = np.unique(self.values[at[:, 0]])
                axes.plot(
                    x, np.zeros(len(x)), "|", color=colour, transform=axes.get_xaxis_transform(), ms=10, label=text
                )
                continue
            parts = [self._distinct(i, s, j) for i, s in at]
            x = np.repeat(self.values[at[:, 0]], [len(p) for p in parts])
            size = 0.6 if label == APERIODIC else 2.0
            axes.plot(x, np.concatenate(parts), ".", color=colour, markersize=size, markeredgewidth=0, rasterized=True)
            axes.plot([], [], ".", color=colour, label=text)
        for text, y in zip(predicted, curves, strict=True):
            axes.plot(self.values, y, "--", color="k", linewidth=0.9, label=text)
        axes.set_xlabel(self.name)
        axes.set_ylabel(names[j])
        axes.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3)
        return axes

    def _distinct(self, i: int, s: int, j: int) -> FloatArray:
        """A coordinate of the points of one orbit; each point of a cycle once."""
        own = self.points[i, s, :, j]
        return own[-self.periods[i, s] :] if self.labels[i, s] == SETTLED else own

    def _curve(self, text: str) -> FloatArray:
        formula = parse_expression(text)
        known = {n: sp.Rational(v.numerator, v.denominator) for n, v in self.here.values.items() if n != self.name}
        found = formula.subs({s: known[s.name] for s in formula.free_symbols if s.name in known})
        free = sorted(found.free_symbols, key=str)
        if any(s.name != self.name for s in free):
            raise InputError(f"the formula {text!r} has other names than the parameters {', '.join(self.here.values)}")
        with np.errstate(all="ignore"):
            y = np.asarray(sp.lambdify(free, found, "numpy")(*([self.values] * len(free))), dtype=complex)
        y = np.broadcast_to(y, self.values.shape)
        return np.where(np.abs(y.imag) <= 1e-12 * (1 + np.abs(y)), y.real, np.nan)


_COLOURS = (
    (SETTLED, "C0", "settled on a cycle"),
    (DRIFTING, "C2", "drifting"),
    (APERIODIC, "C1", "aperiodic"),
    (DIVERGED, "C3", "diverged"),
)


def orbit_diagram(
    map: Map,
    params: Mapping[str, Any],
    vary: tuple[str, Any, Any, int],
    starts: Sequence[Sequence[float]],
    transient: int = 1_000,
    keep: int = 128,
    *,
    longest: int = 32,
    tolerance: float = 1e-9,
    progress: Callable[[str], None] | None = None,
) -> OrbitDiagram:
    r"""The states that orbits visit after ``transient`` steps, for each value of one parameter.

    Ends are told by the last 4·``longest`` + 1 states: **converged** or **period k** if
    :math:`|w_{t+k}-w_t|\le` tolerance·max(|w|, |start|) throughout, **drifting** if each k steps move the state by
    nearly the same small vector, **diverged** beyond 10¹², else **aperiodic**: of a longer period, quasi-periodic,
    chaotic, or not yet settled.

    Parameters
    ----------
    map : Map
        Deterministic and autonomous, in fixed dimension.
    params : mapping
        A number for each other parameter; texts such as ``"1/10"`` are exact.
    vary : (str, number, number, int)
        A parameter, its first and last value, and the number of values.
    starts : sequence of states
        Each the whole state, or the iterate alone: further vectors are then 0.
    transient, keep : int
        Steps that are dropped, and states that are kept.
    longest : int
        The longest period that is told.
    tolerance : float
    progress : callable, optional

    Returns
    -------
    OrbitDiagram
        On KeyboardInterrupt with the values that have been done.

    Raises
    ------
    InputError
        For a map of another kind, or numbers that do not fit.

    Examples
    --------
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import gd
    >>> found = orbit_diagram(Map(gd, Expression("w**4/4 - w**2/2")), {}, ("eta", "3/4", "3/2", 3), [[0.4]])
    >>> [found.ends(i) for i in range(3)]
    [('converged',), ('period 2',), ('aperiodic',)]
    """
    if len(vary) != 4 or not isinstance(vary[0], str):
        raise InputError(f"vary is a parameter, its first and last value and the number of values, not {vary!r}")
    name, low, high, count = vary
    if name not in map.parameters:
        raise InputError(
            f"{map.rule.name} on {map.loss.name} has no parameter '{name}'; {nearest(name, map.parameters)}"
        )
    if name in params:
        raise InputError(f"'{name}' varies; give it no value besides")
    for what, value, least in (
        ("the number of values", count, 1),
        ("transient", transient, 0),
        ("keep", keep, 1),
        ("longest", longest, 1),
    ):
        whole_number(value, what, least)
    if not tolerance > 0:
        raise InputError(f"the tolerance must be positive, not {tolerance!r}")
    if len(starts) == 0:
        raise InputError("give at least one start")
    first = box({name: low}).middle[name]
    last = box({name: high}).middle[name]
    here = at(map, {**params, name: first})
    at(map, {**params, name: last})
    if count > _MOST:
        raise InputError(f"more than {_MOST:.0e} values; take fewer")
    values = np.array([float(first + (last - first) * i / max(count - 1, 1)) for i in range(count)])
    begin = np.array([whole_state(here, s) for s in starts])
    if count * begin.size * keep > _MOST or min(count, _BATCH) * begin.size * longest > _MOST:
        raise InputError(f"more than {_MOST:.0e} numbers would be kept; take fewer values, states or periods")
    return _computed(here, name, values, begin, transient, keep, longest, tolerance, progress or (lambda line: None))


def whole_number(value: Any, what: str, least: int) -> None:
    """Refuse anything but an integer of at least ``least``."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InputError(f"{what} must be an integer of at least {least}, not {value!r}")


def _computed(
    here: MapAt,
    name: str,
    values: FloatArray,
    begin: FloatArray,
    transient: int,
    keep: int,
    longest: int,
    tolerance: float,
    say: Callable[[str], None],
) -> OrbitDiagram:
    s, d = begin.shape
    n = len(values)
    rest = {k: float(v) for k, v in here.values.items() if k != name}
    check_parameters(here.map, {**rest, name: values})
    points = np.full((n, s, keep, d), np.nan)
    labels, periods = np.zeros((n, s), dtype=np.int64), np.zeros((n, s), dtype=np.int64)
    size = max(1, _BATCH // s)
    length = max(keep, REPEATS * longest + 1)
    mover = moved_by(here.map, max(transient + keep, length), n * s, size * s)
    done, interrupted = 0, False
    try:
        for low in range(0, n, size):
            own = values[low : low + size]
            m = len(own)
            # One column for each value and start, starts running fastest.
            flock = Flock(here.map, np.tile(begin.T, m), {**rest, name: np.repeat(own, s)}, mover)
            flock.advance(max(0, transient - (length - keep)))
            window = flock.window(length)
            found = ends(window, flock.diverged, np.tile(np.abs(begin).max(axis=1), m), tolerance, longest)
            kept = np.where(flock.diverged, np.nan, window[-keep:])
            points[low : low + m] = kept.transpose(2, 0, 1).reshape(m, s, keep, d)
            labels[low : low + m], periods[low : low + m] = found.label.reshape(m, s), found.period.reshape(m, s)
            done = low + m
            say(f"{done} of {n} values of {name}")
    except KeyboardInterrupt:
        interrupted = True
    return OrbitDiagram(
        here,
        name,
        values[:done],
        begin,
        points[:done],
        labels[:done],
        periods[:done],
        transient,
        tolerance,
        interrupted,
        "numpy" if mover is None else "fast",
    )
