"""The search for periodic orbits: closed forms, Newton's method, certificates, a proof that no more exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp
from flint import arb
from scipy.stats import qmc

from sam_theory.dynamics import Map, Orbit, fixed_points, two_cycles
from sam_theory.engines import Box, CertifiedCycle, certified_cycle
from sam_theory.errors import InputError
from sam_theory.lab._at import FloatArray, MapAt, at, search_box
from sam_theory.lab._cover import cover
from sam_theory.lab._newton import REGULAR, descended, new_points, newton, newton_from_all
from sam_theory.lab._periodic import PeriodicOrbit, PeriodicOrbits

__all__ = ["find_orbits"]

#: Two points this close, relative to the box, are one.
_SAME = 1e-8
#: The same for degenerate points, to which Newton's method converges so slowly that it stops before it is there.
_BLURRED = 1e-3
#: A modulus this close to 1 is called neutral.
_NEUTRAL = 1e-9
#: A gradient below this, relative to 1 + the multiplier's scale, vanishes.
_STATIONARY = 1e-9

#: Degenerate points that are looked at for each period: a continuum has as many as there are starts.
_DEGENERATE = 32
#: Starts from which the loss is minimised.
_DESCENTS = 16
#: Steps after which an orbit is taken to have settled.
_SETTLED = 1000
#: Halvings of the box's size at which starts lie about a stationary point.
_NEARER = 15

Progress = Callable[[str], None]


def find_orbits(
    map: Map,
    params: Mapping[str, Any],
    box: Mapping[str, Any],
    periods: Sequence[int] = (1, 2),
    *,
    starts: int = 512,
    cells: int = 0,
    seed: int = 0,
    progress: Progress | None = None,
) -> PeriodicOrbits:
    r"""All periodic orbits of a map in a box: :math:`F^k(w)=w` with least period k.

    Closed forms where SymPy finds them (one dimension, k ≤ 2), else Newton's method with deflation from a Sobol
    sequence of starts.  Each orbit is confirmed by Krawczyk's test in ball arithmetic.  Stationary points of the loss
    at which a normalised step jumps are found as zeros of the gradient.

    Parameters
    ----------
    map : Map
        Deterministic and autonomous, in fixed dimension.
    params : mapping
        A number for each parameter of the map; texts such as ``"1/10"`` are exact.
    box : mapping
        A pair (low, high) for each coordinate of the state.  An orbit counts if its first found point lies inside.
    periods : sequence of int
        Least periods of interest, each at least 1.
    starts : int
        Starts for each period.
    cells : int
        Cells that may be examined, for each period, to prove that no further orbit exists; 0: no such proof.
    seed : int
        Of the sequence of starts; results repeat bit for bit.
    progress : callable, optional
        Called with a line of text at each stage.

    Returns
    -------
    PeriodicOrbits
        On KeyboardInterrupt what has been found, marked ``interrupted``.

    Raises
    ------
    InputError
        For a map of another kind, or parameters, box or periods that do not fit.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import sam
    >>> found = find_orbits(Map(sam, Quadratic(1)), {"eta": 1, "rho": "1/2"}, {"w1": (-3, 3)}, cells=1000)
    >>> [(o.period, o.kind, o.stability) for o in found]
    [(1, 'minimum', 'jump'), (2, 'cycle', 'stable')]
    >>> found[1].formula
    ('-1/2', '1/2')
    """
    here = at(map, params)
    region = search_box(here, box)
    wanted = tuple(sorted(set(periods)))
    if not wanted or not all(isinstance(k, int) and not isinstance(k, bool) and k >= 1 for k in wanted):
        raise InputError(f"periods must be positive integers, at least one of them, not {list(periods)}")
    if starts < 1 or cells < 0:
        raise InputError("starts must be at least 1 and cells at least 0")
    search = _Search(here, region, starts, seed, progress or (lambda line: None))
    unresolved: tuple[Box, ...] | None = None
    interrupted = False
    try:
        divisors = sorted({j for k in wanted for j in range(1, k + 1) if k % j == 0})
        search.stationary()
        for k in divisors:
            search.period(k)
        if cells and not any(o.dimension for o in search.orbits):
            unresolved = tuple(b for k in wanted for b in search.complete(k, cells))
    except KeyboardInterrupt:
        interrupted = True
    orbits = search.sorted(wanted)
    return PeriodicOrbits(orbits, here, region, wanted, len(search.sample), unresolved, interrupted)


class _Search:
    """Orbits found so far, each once, and how a new point becomes one of them."""

    def __init__(self, here: MapAt, region: Box, starts: int, seed: int, progress: Progress) -> None:
        self.here, self.region, self.progress = here, region, progress
        self.low = np.array([float(region[n][0]) for n in here.names])
        self.scale = np.array([float(region.width(n)) for n in here.names])
        power = int(np.ceil(np.log2(starts)))
        unit = qmc.Sobol(len(self.scale), seed=seed).random_base2(power)
        self.sample = self.low + unit * self.scale
        self.symmetries = here.symmetries(self.sample)
        self.orbits: list[PeriodicOrbit] = []

    # -- stages ------------------------------------------------------------------------------------------
    def stationary(self) -> None:
        """The stationary points of the loss at which the map jumps: fixed points that its step does not see."""
        width, descent = len(self.here.map.loss.variables), self.here.descent
        known: list[FloatArray] = []
        sample = self.sample[:, :width]
        starts = np.concatenate([sample, descended(self.here, sample[:_DESCENTS])])
        for point, regular in new_points(descent, starts, 1, self.scale[:width], known):
            isolated = regular > REGULAR
            if isolated:
                known.append(point)
                self._look_closely(descent, point)
            else:
                point = _rounded(descent, point, 1, self.scale[:width])
            whole = np.concatenate([point, np.zeros(len(self.scale) - width)])
            if not self._inside(whole) or not self._jumps(whole) or self._known(whole, isolated):
                continue
            certified = certified_cycle(descent.system, descent.box, point.tolist(), 1) if isolated else None
            dimension = 0 if isolated else self._dimension(descent, point, 1)
            if not isolated and not dimension:
                self._look_closely(descent, point)
            self._keep(PeriodicOrbit(whole[None, :], None, self._kind(whole), "jump", dimension, certified))
        self.progress(f"{len(self.orbits)} stationary points at which the map jumps")

    def _look_closely(self, descent: MapAt, point: FloatArray) -> None:
        """Further starts on the eigenvectors of the Hessian, at all distances: small cycles lie there."""
        linear = descent.linearised(point)
        if linear is None or not self._inside(np.concatenate([point, np.zeros(len(self.scale) - len(point))])):
            return
        axes = np.linalg.eigh((linear[1] + linear[1].T) / 2)[1].T
        pairs = [a + sign * b for a, b in combinations(axes, 2) for sign in (1, -1)]
        axes = np.array([*axes, *pairs])  # where the Hessian vanishes its eigenvectors say nothing
        distances = float(self.scale.min()) * 2.0 ** -np.arange(1.0, _NEARER)
        near = np.zeros((len(axes) * len(distances), len(self.scale)))
        near[:, : len(point)] = point + (distances[:, None, None] * axes).reshape(-1, len(point))
        self.sample = np.concatenate([self.sample, near])

    def period(self, k: int) -> None:
        """The orbits of least period ``k``."""
        for formula, points in self._closed(k):
            self._add(points[0], k, formula)
        known = [p for o in self.orbits if k % o.period == 0 and not o.dimension for p in o.points]
        settled = self._settled()
        starts = np.concatenate([self.sample, settled])
        degenerate = 0
        for point, regular in new_points(self.here, starts, k, self.scale, known):
            if regular > REGULAR:
                orbit = self.here.orbit(point, k)
                known.extend(p for symmetry in self.symmetries for p in orbit @ symmetry.T)
                for symmetry in self.symmetries:
                    self._add(symmetry @ point, k)
            elif degenerate < _DEGENERATE:
                degenerate += 1
                self._add(point, k)
        if degenerate == _DEGENERATE:  # one continuum has used them up: the attractors shall not be missed
            for point in newton_from_all(self.here, settled, k, self.scale)[:_DEGENERATE]:
                self._add(point, k)
        self.progress(f"period {k}: {sum(o.period == k for o in self.orbits)} orbits")

    def _settled(self) -> FloatArray:
        """Where the orbits of the starts are after many steps: beside an attractor, be it a continuum."""
        points = self.sample
        for _ in range(_SETTLED):
            points = self.here.step(points)
        points = points[np.isfinite(points).all(axis=1)]
        return np.unique(np.round(points / (_BLURRED * self.scale)), axis=0) * (_BLURRED * self.scale)

    def complete(self, k: int, cells: int) -> tuple[Box, ...]:
        """Cells that may hold further points of period ``k``; orbits that come to light are added."""
        known = [
            o.certified for o in self.orbits if o.certified is not None and o.stability != "jump" and not k % o.period
        ]

        sides = [self.region.ball(n) for n in self.here.names]

        def add(cycle: CertifiedCycle) -> bool:
            point = np.array([float(c.mid()) for c in cycle.points[0]])
            for j in (j for j in range(1, k + 1) if k % j == 0):
                self._add(point, j)
            # Only what is listed, or lies outside, may be left out of the boxes that are unresolved.
            listed = (p for o in self.orbits if o.certified and o.stability != "jump" for p in o.certified.points)
            outside = all(any(not c.overlaps(side) for c, side in zip(p, sides, strict=True)) for p in cycle.points)
            return outside or any(_within(p, cycle.unique) for p in listed)

        left = cover(self.here, self.region, k, known, cells, add)
        self.progress(f"period {k}: {len(left)} boxes are left unresolved")
        return left

    def sorted(self, periods: Sequence[int]) -> tuple[PeriodicOrbit, ...]:
        """The orbits of these periods in order, each with the number of its mirror image."""
        orbits = sorted(
            (o for o in self.orbits if o.period in periods), key=lambda o: (o.period, tuple(o.points[0] + 0.0))
        )
        if not any(np.array_equal(m, -np.eye(len(m))) for m in self.symmetries):
            return tuple(orbits)
        return tuple(
            replace(o, mirror=next((i for i, p in enumerate(orbits) if self._same(p, -o.points[0])), None))
            for o in orbits
        )

    # -- one orbit ---------------------------------------------------------------------------------------
    def _add(self, point: FloatArray, k: int, formula: tuple[str, ...] | None = None) -> None:
        """Keep the orbit of ``point`` if it is new, of least period ``k`` and begins in the box."""
        refined = newton(self.here, point, k, self.scale)
        if refined is None:
            return
        point, isolated = refined[0], refined[1] > REGULAR
        if not isolated:
            point = _rounded(self.here, point, k, self.scale)
        points = self.here.orbit(point, k)
        if not np.isfinite(points).all() or not any(self._inside(p) for p in points):
            return
        if self._known(point, isolated) or any(self._close(points[0], points[j], isolated) for j in range(1, k)):
            return
        dimension = 0 if isolated else self._dimension(self.here, point, k)
        first = min((i for i, p in enumerate(points) if self._inside(p)), key=lambda i: tuple(np.round(points[i], 9)))
        points = np.roll(points, -first, axis=0)
        linear = self.here.linearised(points[0], k)
        multipliers = None if linear is None else np.linalg.eigvals(linear[1]).astype(complex)
        if multipliers is not None:
            multipliers = multipliers[np.lexsort((-multipliers.imag, -np.abs(multipliers)))]
        certified = None if dimension else certified_cycle(self.here.system, self.here.box, points[0].tolist(), k)
        if certified is not None and not _within([arb(c) for c in points[0].tolist()], certified.unique):
            certified = None  # that of another orbit
        if certified is None and not self._periodic(points):
            return
        kind = self._kind(points[0]) if k == 1 else "cycle"
        if formula is not None:
            formula = (*formula[first:], *formula[:first])
        stability = _stability(multipliers, dimension)
        self._keep(PeriodicOrbit(points, multipliers, kind, stability, dimension, certified, formula))

    def _periodic(self, points: FloatArray) -> bool:
        """Whether the orbit closes on its own scale: in a wide box Newton's method stops far too early."""
        missed = float(np.abs(self.here.step(points[-1:])[0] - points[0]).max())
        return missed <= 1e-6 * max(float(np.abs(points).max()), 1e-9 * float(self.scale.max()))

    def _keep(self, orbit: PeriodicOrbit) -> None:
        """One orbit of a continuum stands for all of its kind, period and stability."""

        def key(o: PeriodicOrbit) -> tuple[int, str, str, int]:
            return o.period, o.kind, o.stability, o.dimension

        if not orbit.dimension or all(key(orbit) != key(o) for o in self.orbits):
            self.orbits.append(orbit)

    def _closed(self, k: int) -> list[tuple[tuple[str, ...], list[FloatArray]]]:
        """Closed forms of period ``k`` at the present parameters; none where SymPy has none."""
        if k > 2 or len(self.scale) > 1 or not _algebraic(self.here.map):
            return []
        try:
            orbits = (fixed_points, two_cycles)[k - 1](self.here.map)
        except InputError:
            return []
        exact = {
            s: sp.Rational(v.numerator, v.denominator) for n, v in self.here.values.items() for s in _named(orbits, n)
        }
        found = []
        for o in orbits:
            if all(c.xreplace(exact) == sp.true for c in o.conditions) and o.multipliers is not None:
                values = [sp.sympify(p).xreplace(exact) for p in o.points]
                points = [np.array([float(v)]) for v in values if v.is_real]
                if len(points) == k:
                    found.append((tuple(str(v) for v in values), points))
        return found

    def _kind(self, point: FloatArray) -> str:
        """What a fixed point is for the loss."""
        width = len(self.here.map.loss.variables)
        iterate = point[:width]
        descent = self.here.descent
        linear = descent.linearised(iterate)
        if linear is None or np.linalg.norm(self.here.gradient(iterate)) > _STATIONARY * (1 + np.abs(linear[1]).max()):
            return "hallucinated"
        curvatures = np.linalg.eigvalsh(np.eye(width) - (linear[1] + linear[1].T) / 2)
        flat = np.abs(curvatures) <= REGULAR
        if flat.any():
            # Along a manifold of minima the Hessian vanishes and nothing else does.
            rest = curvatures[~flat]
            manifold = self._dimension(descent, iterate, 1) == flat.sum()
            return "minimum" if manifold and len(rest) and (rest > 0).all() else "degenerate"
        return "minimum" if (curvatures > 0).all() else "maximum" if (curvatures < 0).all() else "saddle"

    def _dimension(self, here: MapAt, point: FloatArray, k: int) -> int:
        """The dimension of a manifold of periodic points through ``point``; 0 where there is none, as at a crossing.

        Every direction of the kernel of DF^k − I has to go on, so the directions that are tried are generic.
        """
        linear = here.linearised(point, k)
        if linear is None:
            return 0
        scale = self.scale[: len(point)]
        _, values, right = np.linalg.svd(linear[1] - np.eye(len(point)))
        kernel = right[values <= REGULAR]
        length = 1e-3 * float(scale.min())
        for generic in np.linalg.qr(np.cos(np.add.outer(np.arange(len(kernel)), np.arange(len(kernel)) ** 2)))[0].T:
            direction = generic @ kernel
            moved = newton(here, point + length * direction, k, scale)
            if moved is None or 0.5 * length > float((moved[0] - point) @ direction) or moved[1] > REGULAR:
                return 0
        return len(kernel)

    def _jumps(self, point: FloatArray) -> bool:
        """Whether points next to a stationary point move by a length that does not tend to 0."""
        near = [1e-6, 1e-8]
        away = [self.here.step((point + h * self.scale * 0.6180339887)[None, :])[0] - point for h in near]
        first, second = (float(np.abs(a).max()) for a in away)
        return np.isfinite(second) and second > 0.1 * first and second > 1e-7 * float(self.scale.max())

    # -- comparisons -------------------------------------------------------------------------------------
    def _inside(self, point: FloatArray) -> bool:
        slack = 1e-12 * self.scale
        return bool(((point >= self.low - slack) & (point <= self.low + self.scale + slack)).all())

    def _close(self, a: FloatArray, b: FloatArray, isolated: bool = True) -> bool:
        return bool((np.abs(a - b) <= (_SAME if isolated else _BLURRED) * self.scale).all())

    def _same(self, orbit: PeriodicOrbit, point: FloatArray, isolated: bool = True) -> bool:
        return any(self._close(p, point, isolated) for p in orbit.points)

    def _known(self, point: FloatArray, isolated: bool) -> bool:
        return any(self._same(o, point, isolated) for o in self.orbits)


def _within(point: Sequence[arb], box: Sequence[arb]) -> bool:
    return all(side.contains(c) for c, side in zip(point, box, strict=True))


def _rounded(here: MapAt, point: FloatArray, k: int, scale: FloatArray) -> FloatArray:
    """A simple number beside a degenerate point, if it is periodic to the last digit; else the point."""
    for digits in (0, 1, 2, 3):
        candidate = np.round(point, digits) + 0.0
        if (np.abs(candidate - point) <= _BLURRED * scale).all():
            linear = here.linearised(candidate, k)
            if linear is not None and np.array_equal(linear[0], candidate):
                return candidate
    return point


def _algebraic(map: Map) -> bool:
    """Whether a step is made of roots, signs and fractions alone: where it is not, SymPy may look for hours."""
    return all(
        isinstance(f, sp.Abs | sp.sign) for v in map.symbolic_step().values() for e in v for f in e.atoms(sp.Function)
    )


def _named(orbits: Sequence[Orbit], name: str) -> set[sp.Symbol]:
    every = [e for o in orbits for e in (*o.points, *o.conditions)]
    return {s for e in every for s in sp.sympify(e).free_symbols if s.name == name}


def _stability(multipliers: Any, dimension: int) -> str:
    """By the moduli, without the ``dimension`` multipliers that are 1 along a continuum."""
    if multipliers is None:
        return "jump"
    moduli = sorted(np.abs(multipliers), key=lambda m: abs(m - 1))[dimension:]
    if any(m > 1 + _NEUTRAL for m in moduli):
        return "unstable"
    return "stable" if moduli and all(m < 1 - _NEUTRAL for m in moduli) else "neutral"
