"""Which of many settled orbits are the same attractor: clusters of cycles, continua, and sets that share cells."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist

from sam_theory.arithmetic import Float64, with_derivative
from sam_theory.lab._at import FloatArray, MapAt
from sam_theory.lab._attractor import IntArray

__all__ = ["Cycles", "Visits", "Group", "along_minima", "components"]

#: A multiplier this close to 1 belongs to a direction along a continuum.
_NEUTRAL = 1e-4
#: Derivatives that change by more than this along the last steps are not those of a limit.
_CHANGES = 1e-3
#: Parts of a continuum that are nearer than this share of the box are one; so is what a settled orbit between joins.
_REACH = 0.05
#: How far that orbit may go, relative to the gap: between two branches it goes half of it to reach either.
_BEND = 0.25
#: Steps of descent from the centre of a drifting cycle, and how flat the loss is along its motion.
_DESCENT, _FLAT = 1_000, 0.05
#: Parts between which it is tried.
_PARTS = 40
#: Points of a continuum among which neighbours are looked for.
_SAMPLE = 1_000
#: A continuum is longer than this share of the box.
_EXTENT = 1e-3


def components(n: int, pairs: npt.NDArray[Any]) -> IntArray:
    """The number of the component of each of ``n`` nodes of a graph with these edges, shape (m, 2)."""
    if not len(pairs):
        return np.arange(n)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)


def derivatives_of(here: MapAt, points: FloatArray, period: int) -> FloatArray:
    """The derivative of the return map at many points (n, d), shape (n, d, d); NaN where there is none."""
    map, d = here.map, len(here.names)
    names = [f"{v}:{i}" for v in map.state for i in range(len(map.loss.variables))]
    program, arithmetic = with_derivative(map.flat, names), Float64()
    parameters = {n: float(v) for n, v in here.values.items()}
    total: FloatArray = np.broadcast_to(np.eye(d), (len(points), d, d))
    with np.errstate(all="ignore"):
        for _ in range(period):
            out = arithmetic.run(program, {**parameters, **dict(zip(names, points.T, strict=True))})
            rows = [[np.broadcast_to(out[f"{a}|{b}"], len(points)) for b in names] for a in names]
            slopes = np.array(rows).transpose(2, 0, 1)
            for event in ("jump", "kink"):
                if event in out:
                    slopes = np.where(np.broadcast_to(out[event], len(points))[:, None, None] == 0.0, np.nan, slopes)
            total, points = slopes @ total, here.step(points)
    return total


def multipliers_of(derivatives: FloatArray) -> npt.NDArray[np.complex128]:
    """Eigenvalues (n, d) of matrices (n, d, d), by falling modulus; NaN where a matrix is not finite."""
    found = np.full(derivatives.shape[:2], np.nan, dtype=complex)
    whole = np.isfinite(derivatives).all(axis=(1, 2))
    if whole.any():
        values = np.linalg.eigvals(derivatives[whole]).astype(complex)
        found[whole] = np.take_along_axis(values, np.argsort(-np.abs(values), axis=1), axis=1)
    return found


def along_minima(here: MapAt, centres: FloatArray, moves: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether motions (n, d) at centres (n, d) go along a manifold of minima, found by descent from the centre."""
    width, unit = len(here.map.loss.variables), here.descent
    start, along = centres[:, :width], moves[:, :width]
    curved = np.linalg.norm(np.eye(width) - derivatives_of(unit, start, 1), ord=2, axis=(1, 2))
    point = start
    for _ in range(_DESCENT):
        gradient = point - unit.step(point)
        point = point - gradient / np.maximum(curved, 1e-300)[:, None]
    hessian = np.eye(width) - derivatives_of(unit, point, 1)
    with np.errstate(all="ignore"):
        size = np.linalg.norm(hessian, ord=2, axis=(1, 2))
        length = np.linalg.norm(along, axis=1)
        still = np.linalg.norm(point - unit.step(point), axis=1) <= 1e-6 * size
        flat = np.linalg.norm(np.einsum("nij,nj->ni", hessian, along), axis=1) <= _FLAT * size * length
    return np.asarray(np.isfinite(size) & (size > 0) & still & flat & (length > 0))


@dataclass(frozen=True)
class Group:
    """An attractor made of cycles: ``members`` are numbers of cycles, the first a representative."""

    period: int
    members: IntArray
    dimension: int
    multipliers: npt.NDArray[np.complex128] | None


class Cycles:
    """The different cycles on which orbits settled, each up to rounding once."""

    def __init__(self, here: MapAt, scale: float, same: float) -> None:
        self.here, self.scale, self.radius = here, scale, same * scale
        self.points: list[FloatArray] = []
        self._known: dict[bytes, int] = {}

    def add(self, points: FloatArray) -> IntArray:
        """Numbers of the cycles with these points, shape (k, d, n)."""
        k, d, n = points.shape
        rounded = np.rint(points / (0.1 * self.radius)) + 0.0
        # The first point of a cycle is the least in the order of the coordinates.
        least = np.ones((k, n), dtype=bool)
        for j in range(d):
            values = np.where(least, rounded[:, j], np.inf)
            least &= values == values.min(axis=0)
        turn = (np.argmax(least, axis=0)[None, :] + np.arange(k)[:, None]) % k
        points = np.take_along_axis(points, turn[:, None, :], axis=0)
        keys = np.ascontiguousarray(np.take_along_axis(rounded, turn[:1, None, :], axis=0)[0].T)
        numbers = np.empty(n, dtype=np.int64)
        for i in range(n):
            key = bytes([k]) + keys[i].tobytes()
            number = self._known.setdefault(key, len(self.points))
            if number == len(self.points):
                self.points.append(points[:, :, i])
            numbers[i] = number
        return numbers

    def groups(self) -> list[Group]:
        """Cycles that are the same, and those that lie on one continuum, together."""
        found: list[Group] = []
        for k in sorted({len(p) for p in self.points}):
            own = np.array([i for i, p in enumerate(self.points) if len(p) == k])
            found += self._of_period(k, own)
        return found

    def _of_period(self, k: int, own: IntArray) -> list[Group]:
        every = np.stack([self.points[i] for i in own])
        flat = every.reshape(-1, every.shape[2])
        pairs = KDTree(flat).query_pairs(self.radius, p=np.inf, output_type="ndarray") // k
        part = components(len(own), pairs)
        first = np.unique(part, return_index=True)[1]
        multipliers = self._multipliers(every[first, 0], k)
        neutral = np.sum(np.abs(multipliers - 1.0) <= _NEUTRAL, axis=1)
        unknown: npt.NDArray[np.bool_] = np.isnan(multipliers).any(axis=1).astype(bool)
        found = [
            Group(k, own[part == i], 0, None if unknown[i] else multipliers[i])
            for i in np.flatnonzero((neutral == 0) & ~unknown)
        ]
        for which in ((neutral > 0) & ~unknown, unknown):
            found += self._continua(k, own, part, every[first], np.flatnonzero(which), multipliers, neutral)
        return found

    def _multipliers(self, points: FloatArray, k: int) -> npt.NDArray[np.complex128]:
        """Multipliers of limits: NaN where the derivative changes along the last steps, as beside a jump."""
        before = derivatives_of(self.here, points, k)
        later = points
        for _ in range(10 * k):
            later = self.here.step(later)
        with np.errstate(all="ignore"):
            change = np.abs(derivatives_of(self.here, later, k) - before).max(axis=(1, 2))
            steady = change <= _CHANGES * (1.0 + np.abs(before).max(axis=(1, 2)))
        return multipliers_of(np.where(steady[:, None, None], before, np.nan))

    def _continua(
        self,
        k: int,
        own: IntArray,
        part: IntArray,
        firsts: FloatArray,
        which: IntArray,
        multipliers: npt.NDArray[np.complex128],
        neutral: npt.NDArray[Any],
    ) -> list[Group]:
        """Clusters ``which`` joined to continua; a group that is no longer than a point is one."""
        if not len(which):
            return []
        joined = self._joined(firsts[which], k)
        found = []
        for c in range(joined.max() + 1):
            clusters = which[joined == c]
            points = firsts[clusters].reshape(-1, firsts.shape[2])
            extent = float(np.ptp(firsts[clusters, 0], axis=0).max()) if len(clusters) > 1 else 0.0
            dimension = 0
            if extent > _EXTENT * self.scale:
                counts = neutral[clusters]
                dimension = Counter(counts.tolist()).most_common(1)[0][0] or _dimension(points)
            members = own[np.isin(part, clusters)]
            middle = clusters[len(clusters) // 2]
            # The representative comes first.
            members = np.concatenate([[own[np.argmax(part == middle)]], members])
            known = multipliers[middle]
            found.append(Group(k, members, int(dimension), None if np.isnan(known).any() else known))
        return found

    def _joined(self, firsts: FloatArray, k: int) -> IntArray:
        """Numbers of the continua to which cycles (n, k, d) belong: linked where near, or by what settles between."""
        n, d = len(firsts), firsts.shape[2]
        if n == 1:
            return np.zeros(1, dtype=np.int64)
        order = np.lexsort(firsts[:, 0].T[::-1])
        sample = order[:: max(1, -(-n * k // _SAMPLE))]
        points = firsts[sample].reshape(-1, d)
        own = np.repeat(np.arange(len(sample)), k)
        distances = cdist(points, points)
        tree = minimum_spanning_tree(distances + 1e-300).tocoo()
        near = tree.data <= _REACH * self.scale
        edges = np.stack([own[tree.row[near]], own[tree.col[near]]], axis=1)
        label = components(len(sample), edges)
        if 1 < label.max() + 1 <= _PARTS:
            edges = np.concatenate([edges, self._bridges(points, own, label, distances, k)])
            label = components(len(sample) + len(edges), edges)[: len(sample)]
        nearest = KDTree(firsts[sample, 0]).query(firsts[:, 0])[1]
        return np.unique(label[nearest], return_inverse=True)[1]

    def _bridges(
        self, points: FloatArray, own: IntArray, label: IntArray, distances: FloatArray, k: int
    ) -> npt.NDArray[Any]:
        """Edges from parts to what the middle of their gap settles on nearby, if that is on a continuum too."""
        part = label[own]
        pairs = []
        for i in range(label.max() + 1):
            for j in range(i):
                mine, other = np.flatnonzero(part == i), np.flatnonzero(part == j)
                closest = np.unravel_index(np.argmin(distances[np.ix_(mine, other)]), (len(mine), len(other)))
                pairs.append((mine[closest[0]], other[closest[1]]))
        a, b = np.array(pairs).T
        middle, length = (points[a] + points[b]) / 2, np.linalg.norm(points[a] - points[b], axis=1)
        end = middle
        for _ in range(500 * k):
            end = self.here.step(end)
        again = end
        for _ in range(k):
            again = self.here.step(again)
        with np.errstate(all="ignore"):
            good = np.linalg.norm(end - middle, axis=1) <= _BEND * length
            good &= np.abs(again - end).max(axis=1) <= self.radius
            good &= (np.abs(multipliers_of(derivatives_of(self.here, end, k)) - 1.0) <= _NEUTRAL).any(axis=1)
        kept = np.flatnonzero(good)
        if not len(kept):
            return np.zeros((0, 2), dtype=np.int64)
        # What lies between is a node of its own, once: branches that cross there are one continuum.
        number = len(label) + components(len(kept), KDTree(end[kept]).query_pairs(self.radius, output_type="ndarray"))
        return np.concatenate([np.stack([own[side[kept]], number], axis=1) for side in (a, b)])


def _dimension(points: FloatArray) -> int:
    """The dimension of the flat set that fits points, at least 1."""
    values = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return max(1, int(np.sum(values > 1e-3 * values[0])))


class Visits:
    """Orbits that settled on no cycle: two of them are together if they visit a common cell."""

    def __init__(self, cell: float, d: int) -> None:
        self.cell = cell
        # Cells are told apart by one number of 64 bits each: odd factors, so that neighbours never share it.
        draws = np.random.default_rng(0).integers(1, 2**62, size=d, dtype=np.uint64)
        self._factors = draws * np.uint64(2) + np.uint64(1)
        self._cells: dict[int, int] = {}
        self._edges: list[npt.NDArray[Any]] = []

    def add(self, window: FloatArray) -> IntArray:
        """A cell of each orbit of a window (steps, d, n), all of whose cells are now known to be together."""
        steps, _, n = window.shape
        rows = np.floor(window / self.cell).astype(np.int64).astype(np.uint64)
        with np.errstate(over="ignore"):
            keys = np.sum(rows * self._factors[:, None], axis=1, dtype=np.uint64)
        distinct, back = np.unique(keys, return_inverse=True)
        numbers = np.array([self._cells.setdefault(key, len(self._cells)) for key in distinct.tolist()], dtype=np.int64)
        cells = numbers[back.reshape(steps, n)]
        edges = np.unique(cells[:1] * (len(self._cells)) + cells)
        self._edges.append(np.stack(np.divmod(edges, len(self._cells)), axis=1))
        return cells[0]

    def sets(self) -> IntArray:
        """The number of the set of each cell."""
        pairs = np.concatenate(self._edges) if self._edges else np.zeros((0, 2), dtype=np.int64)
        return components(len(self._cells), pairs)
