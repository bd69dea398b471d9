"""Basins of attraction over grids of starts: attractors told apart by the ends of the orbits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sam_theory.dynamics import Map
from sam_theory.engines import box as exact_box
from sam_theory.errors import InputError, nearest
from sam_theory.lab._at import FloatArray, MapAt, at
from sam_theory.lab._attractor import APERIODIC, DIVERGED, DRIFTING, REPEATS, SETTLED, Flock, IntArray, ends
from sam_theory.lab._basins import LOST, UNKNOWN, Basin, Basins
from sam_theory.lab._diagram import whole_number
from sam_theory.lab._identify import Cycles, Group, Visits, along_minima

__all__ = ["basins"]

#: Orbits that are computed together; between such batches an interruption loses nothing.
_BATCH = 4096
#: Steps between two looks at which orbits have settled.
_STRIDE = 128
#: States by which an orbit that settles on no cycle is told from others, and points of it that are kept.
_VISITS, _KEPT = 256, 2_000
#: A modulus this close to 1 is called neutral.
_NEUTRAL = 1e-4

#: Starts, at most.
_MOST = 10**8


def basins(
    map: Map,
    params: Mapping[str, Any],
    box: Mapping[str, Any],
    resolution: int | tuple[int, int] = 200,
    steps: int = 2_000,
    *,
    longest: int = 8,
    tolerance: float = 1e-9,
    same: float = 1e-5,
    cells: int = 64,
    progress: Callable[[str], None] | None = None,
) -> Basins:
    r"""Where orbits end, over a grid of starts in one or two coordinates.

    With s the longest side of the box: an orbit has **settled** with period k if
    :math:`|w_{t+k}-w_t|\le` tolerance·max(s, |w|) over 4·``longest`` + 1 states.  Cycles with points within ``same``·s
    of each other are one attractor.  Cycles with a multiplier 1 are joined to a **continuum** where neighbours are
    within s/20, or where the middle between them settles on a cycle with a multiplier 1 nearby.  Orbits that settled on
    no cycle are together if they visit a common cell of side s/``cells``.

    Parameters
    ----------
    map : Map
        Deterministic and autonomous, in fixed dimension.
    params : mapping
        A number for each parameter; texts such as ``"1/10"`` are exact.
    box : mapping
        A pair (low, high) for one or two coordinates of the state, a number for others; further vectors default to 0.
    resolution : int or (int, int)
        Starts along each side; they are centres of cells.
    steps : int
    longest : int
        The longest period that is told, at most 64.
    tolerance, same : float
    cells : int
    progress : callable, optional

    Returns
    -------
    Basins
        On KeyboardInterrupt with the starts that have been followed.

    Raises
    ------
    InputError
        For a map of another kind, or numbers that do not fit.

    Examples
    --------
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import gd
    >>> found = basins(Map(gd, Expression("w**4/4 - w**2/2")), {"eta": "1/2"}, {"w": (-3, 3)}, 60)
    >>> for basin in found.basins:
    ...     print(basin.kind, basin.points.round(6).tolist(), round(basin.share, 3))
    fixed point [[-1.0]] 0.367
    fixed point [[1.0]] 0.367
    >>> round(found.diverged, 3)
    0.267
    """
    here = at(map, params)
    axes, fixed = _grid(here, box, resolution)
    for what, value, least in (("steps", steps, 1), ("longest", longest, 1), ("cells", cells, 1)):
        whole_number(value, what, least)
    if longest > 64:
        raise InputError(f"longest is {longest}; periods up to 64 are told")
    for what, amount in (("tolerance", tolerance), ("same", same)):
        if not 0 < amount < 1:
            raise InputError(f"{what} must lie between 0 and 1, not {amount!r}")
    search = _Search(here, axes, fixed, steps, longest, tolerance, same, cells)
    interrupted = False
    say = progress or (lambda line: None)
    try:
        while search.done < search.total:
            search.batch()
            say(f"{search.done} of {search.total} starts")
    except KeyboardInterrupt:
        interrupted = True
    return search.result(interrupted)


def _grid(here: MapAt, given: Mapping[str, Any], resolution: Any) -> tuple[dict[str, FloatArray], dict[str, float]]:
    """The starts along each varied coordinate, and the other coordinates."""
    names, width = here.names, len(here.map.loss.variables)
    for name in given:
        if name not in names:
            raise InputError(f"the state has no coordinate '{name}'; {nearest(name, names)}")
    missing = [n for n in names[:width] if n not in given]
    if missing:
        raise InputError(f"the box has no '{missing[0]}'; give a pair (low, high) or a number")
    sides = exact_box(dict(given))
    varied = [n for n in names if n in given and isinstance(given[n], tuple | list)]
    if len(varied) not in (1, 2):
        raise InputError("give a pair (low, high) for one or two coordinates, and a number for each other")
    sizes = (resolution,) * len(varied) if isinstance(resolution, int) else tuple(resolution)
    if len(sizes) != len(varied):
        raise InputError(f"the resolution has {len(sizes)} numbers for {len(varied)} coordinates that vary")
    axes = {}
    for name, size in zip(varied, sizes, strict=True):
        whole_number(size, "the resolution", 1)
        low, high = (float(c) for c in sides[name])
        if low == high:
            raise InputError(f"the interval of '{name}' is the single point {low:g}; give a low and a higher end")
        if not np.isfinite(high - low) or size > _MOST:
            raise InputError(f"'{name}' has an interval wider than any float or more than {_MOST:.0e} starts")
        axes[name] = low + (high - low) * (np.arange(size) + 0.5) / size
    if np.prod([float(len(a)) for a in axes.values()]) > _MOST:
        raise InputError(f"more than {_MOST:.0e} starts; take a smaller resolution")
    return axes, {n: float(sides.middle[n]) if n in given else 0.0 for n in names if n not in varied}


class _Search:
    """Orbits followed batch by batch, and what they ended on."""

    def __init__(
        self,
        here: MapAt,
        axes: dict[str, FloatArray],
        fixed: dict[str, float],
        steps: int,
        longest: int,
        tolerance: float,
        same: float,
        cells: int,
    ) -> None:
        self.here, self.axes, self.fixed = here, axes, fixed
        self.steps, self.longest, self.tolerance = steps, longest, tolerance
        self.parameters = {n: float(v) for n, v in here.values.items()}
        self.scale = max(float(len(a) * (a[1] - a[0])) if len(a) > 1 else 1.0 for a in axes.values())
        self.shape = tuple(len(a) for a in axes.values())
        self.total, self.done = int(np.prod(self.shape)), 0
        self.label = np.full(self.total, -1, dtype=np.int64)
        self.period = np.zeros(self.total, dtype=np.int64)
        self.number = np.full(self.total, -1, dtype=np.int64)
        self.last = np.full((len(here.names), self.total), np.nan)
        self.cycles = Cycles(here, self.scale, same)
        self.visits = Visits(self.scale / cells, len(here.names))
        self.visited: list[tuple[IntArray, FloatArray]] = []
        self.centre, self.move = np.full_like(self.last, np.nan), np.full_like(self.last, np.nan)

    def _starts(self, low: int, high: int) -> FloatArray:
        at = np.unravel_index(np.arange(low, high), self.shape)
        own = dict(zip(self.axes, at, strict=True))
        rows = [self.axes[n][own[n]] if n in own else np.full(high - low, self.fixed[n]) for n in self.here.names]
        return np.stack(rows)

    def batch(self) -> None:
        """Follow the next starts to their end."""
        low, high = self.done, min(self.done + _BATCH, self.total)
        flock = Flock(self.here.map, self._starts(low, high), self.parameters)
        columns, left = np.arange(low, high), self.steps
        length = REPEATS * self.longest + 1
        while len(columns):
            # Orbits that have settled or left are dropped; the others go on.
            advance = min(_STRIDE, left)
            flock.advance(max(0, advance - length + 1))
            window = flock.window(length)
            left -= max(advance, length - 1)
            found = ends(window, flock.diverged, self.scale, self.tolerance, self.longest, drifts=left <= 0)
            finished = (found.label == SETTLED) | (found.label == DIVERGED) | (left <= 0)
            gone = columns[finished]
            self.label[gone], self.period[gone] = found.label[finished], found.period[finished]
            self.last[:, gone] = window[-1][:, finished]
            for k in np.unique(found.period[found.label == SETTLED]):
                own = (found.label == SETTLED) & (found.period == k)
                self.number[columns[own]] = self.cycles.add(window[-k:, :, own])
            if left <= 0:
                for k in np.unique(found.period[found.label == DRIFTING]):
                    own = (found.label == DRIFTING) & (found.period == k)
                    self.centre[:, columns[own]] = window[-k:, :, own].mean(axis=0)
                    self.move[:, columns[own]] = (window[-1][:, own] - window[-1 - k][:, own]) / k
                self._unsettled(flock, columns, found.label)
            go = np.flatnonzero(~finished)
            columns, flock = columns[go], flock.keep(go)
        self.done = high

    def _unsettled(self, flock: Flock, columns: IntArray, label: IntArray) -> None:
        """Follow orbits that settled on no cycle a little further, to see which are together."""
        wild = np.flatnonzero(label == APERIODIC)
        if len(wild):
            longer = flock.keep(wild)
            window = longer.window(_VISITS)
            self.number[columns[wild]] = self.visits.add(window)
            self.label[columns[wild[longer.diverged]]] = DIVERGED
            self.visited.append((columns[wild], window[:: _VISITS // 16].transpose(2, 0, 1)))

    # -- what they ended on --------------------------------------------------------------------------------
    def result(self, interrupted: bool) -> Basins:
        """The basins, the largest first, and the label of each start."""
        found: list[tuple[Basin, IntArray]] = []
        for group in self.cycles.groups():
            starts = np.flatnonzero((self.label == SETTLED) & np.isin(self.number, group.members))
            if len(starts):
                found.append((self._of_cycles(group, len(starts)), starts))
        found += self._aperiodic()
        for k in np.unique(self.period[self.label == DRIFTING]):
            starts = np.flatnonzero((self.label == DRIFTING) & (self.period == k))
            found.append((self._drifting(int(k), starts), starts))
        found.sort(key=lambda pair: (-len(pair[1]), pair[1][0]))
        labels = np.full(self.total, UNKNOWN, dtype=np.int64)
        labels[self.label == DIVERGED] = LOST
        for i, (_, starts) in enumerate(found):
            labels[starts] = i
        return Basins(
            tuple(basin for basin, _ in found),
            labels.reshape(self.shape),
            self.axes,
            self.fixed,
            self.here,
            self.steps,
            self.tolerance,
            interrupted,
        )

    def _aperiodic(self) -> list[tuple[Basin, IntArray]]:
        """The sets of orbits that settled on no cycle."""
        if not self.visited:
            return []
        columns = np.concatenate([c for c, _ in self.visited])
        points = np.concatenate([p for _, p in self.visited])
        own = self.label[columns] == APERIODIC
        columns, points = columns[own], points[own]
        sets = self.visits.sets()[self.number[columns]]
        found = []
        for c in np.unique(sets):
            part = sets == c
            visited = points[part].reshape(-1, points.shape[2])
            visited = visited[_spread(np.arange(len(visited)))]
            found.append((Basin("aperiodic", 0, visited, int(part.sum()) / self.total), columns[part]))
        return found

    def _drifting(self, k: int, starts: IntArray) -> Basin:
        sample = _spread(starts)
        moves = self.move[:, sample].T
        along = along_minima(self.here, self.centre[:, sample].T, moves)
        return Basin(
            "drifting",
            k,
            self.last[:, sample].T,
            len(starts) / self.total,
            speed=float(np.median(np.linalg.norm(moves, axis=1))),
            along_minima=bool(np.mean(along) > 0.5),
        )

    def _of_cycles(self, group: Group, count: int) -> Basin:
        k, points = group.period, self.cycles.points[group.members[0]]
        kind = "fixed point" if k == 1 else "cycle"
        width = len(self.here.map.loss.variables)
        gradient = max(float(np.linalg.norm(self.here.gradient(p[:width]))) for p in points)
        if group.dimension:
            kind = "continuum"
            members = group.members[_spread(np.arange(len(group.members)))]
            points = np.concatenate([self.cycles.points[i] for i in members])
        return Basin(
            kind,
            k,
            points,
            count / self.total,
            group.dimension,
            group.multipliers,
            _stability(group.multipliers, group.dimension),
            gradient,
            self.tolerance * self.scale,
        )


def _spread(numbers: IntArray) -> IntArray:
    """At most ``_KEPT`` of them, evenly."""
    return numbers[:: max(1, -(-len(numbers) // _KEPT))]


def _stability(multipliers: Any, dimension: int) -> str:
    """By the moduli, without the ``dimension`` multipliers nearest to 1."""
    if multipliers is None:
        return "no derivative"
    rest = sorted(multipliers, key=lambda m: float(abs(m - 1)))[dimension:]
    if any(abs(m) > 1 + _NEUTRAL for m in rest):
        return "unstable"
    return "stable" if all(abs(m) < 1 - _NEUTRAL for m in rest) else "neutral"
