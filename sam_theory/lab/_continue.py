"""Continuation: the branch of periodic orbits through a given one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from sam_theory.dynamics import Map
from sam_theory.engines import box
from sam_theory.errors import InputError, nearest
from sam_theory.lab._at import FloatArray, check_coordinates
from sam_theory.lab._branch import Branch, checked_span, traced
from sam_theory.lab._curve import Curve, checked_curve
from sam_theory.lab._find import find_orbits
from sam_theory.lab._trace import INTERRUPTED, node_at

__all__ = ["continue_orbit", "continue_orbits"]

#: A least singular value of DG below this: no single curve passes through the point.
_REGULAR = 1e-9
#: Two points of an orbit this close, relative to its size, are one.
_SAME = 1e-9


def continue_orbit(
    map: Map,
    params: Mapping[str, Any],
    point: Mapping[str, Any],
    period: int,
    parameter: str,
    span: Sequence[Any],
    *,
    at: Any = None,
    freeze: Sequence[str] = (),
    step: float = 0.05,
    points: int = 500,
    progress: Callable[[str], None] | None = None,
) -> Branch:
    r"""The branch of orbits of one period through a given orbit, both ways, through folds.

    Solves :math:`F_p^k(w)=w` by pseudo-arclength continuation and locates flips, folds, branch points and
    Neimark-Sacker points on it, each with the coefficient of its normal form.

    Parameters
    ----------
    map : Map
        Deterministic and autonomous, in fixed dimension.
    params : mapping
        A number for each parameter of the map but the one that varies; texts such as ``"1/10"`` are exact.
    point : mapping
        A number for each coordinate: a point of an orbit, from which Newton's method starts.
    period : int
    parameter : str
        What varies: a parameter of rule or loss, or a frozen coordinate of the state.
    span : pair of numbers
        Where the branch ends.
    at : number, optional
        The parameter at ``point``; by default the low end of the span.  Where the parameter is a coordinate, the value
        of that coordinate.
    freeze : sequence of str
        Coordinates that do not move: on a manifold of orbits the others are continued beside it.
    step : float
        The longest step, in units of the size of the orbit and of the span.
    points : int
        The most points in each direction.
    progress : callable, optional
        Called with a line of text every 50 points.

    Returns
    -------
    Branch
        On KeyboardInterrupt what has been found; its ends say why it stopped.

    Raises
    ------
    InputError
        If the map, names or numbers do not fit, there is no orbit near ``point``, its period is smaller, or it lies on
        a continuum of orbits.

    Examples
    --------
    >>> from sam_theory.losses import Expression
    >>> from sam_theory.rules import usam
    >>> loss = Expression("x**2/2 - x**4/4")
    >>> branch = continue_orbit(Map(usam, loss), {"rho": "1/2"}, {"x": 0}, 1, "eta", ("1/2", 2))
    >>> [(s.kind, s.type, round(s.parameter, 12)) for s in branch.special]
    [('flip', 'supercritical', 1.333333333333)]
    """
    given = {n: low for n, (low, _) in ((n, box({n: v})[n]) for n, v in {**params, **point}.items())}
    exact = {n: given[n] for n in params}
    coordinates = {n: given[n] for n in point}
    moved = coordinates.get(parameter) if at is None else box({parameter: at})[parameter][0]
    still = {}
    for name in freeze:
        if name != parameter:
            if name not in coordinates:
                raise InputError(f"'{name}' is frozen; give its value among the coordinates of the point")
            still[name] = coordinates[name]
    curve = checked_curve(map, exact, parameter, period, still)
    _check_names(map, exact, parameter)
    low, high = checked_span(curve, span)
    start_at = low if moved is None else moved
    if not low <= start_at <= high:
        span_text = f"[{float(low):.12g}, {float(high):.12g}]"
        raise InputError(f"{parameter} = {float(start_at):.12g} at the start is outside of the span {span_text}")
    check_coordinates(coordinates, curve.names, curve.every, "the point has no", "a number")
    if not (np.isfinite(step) and step > 0) or points < 1:
        raise InputError("step must be positive and points at least 1")
    guess = np.array([*(float(coordinates[n]) for n in curve.names), float(start_at)])
    base, z = _start(curve, guess, float(high - low))
    node = node_at(curve, z, base)
    if node is None:
        raise InputError("the map has no derivative at the orbit; it jumps or has a kink there")
    return traced(curve, node, (low, high), base, float(step), points, progress)


def continue_orbits(
    map: Map,
    params: Mapping[str, Any],
    box: Mapping[str, Any],
    period: int,
    parameter: str,
    span: Sequence[Any],
    *,
    at: Any = None,
    step: float = 0.05,
    points: int = 500,
    starts: int = 128,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> tuple[Branch, ...]:
    """The branches through all isolated orbits of one period that :func:`find_orbits` finds in a box, each once.

    On KeyboardInterrupt the branches that were begun, the last of them marked; the search itself raises it.

    Parameters
    ----------
    map, params, period, parameter, span, step, points, progress
        As for :func:`continue_orbit`.
    box : mapping
        A pair (low, high) for each coordinate: where orbits are looked for at the parameter ``at``, by default the low
        end of the span.
    starts, seed
        As for :func:`find_orbits`.

    Raises
    ------
    InputError
        As the two functions.
    """
    if parameter in params:
        raise InputError(f"'{parameter}' varies; do not give it a value")
    value = span[0] if at is None else at
    found = find_orbits(map, {**params, parameter: value}, box, (period,), starts=starts, seed=seed, progress=progress)
    if found.interrupted:
        raise KeyboardInterrupt
    branches: list[Branch] = []
    for orbit in found:
        if orbit.dimension or orbit.multipliers is None:
            continue
        if any(b.passes(orbit.points[0], float(found.here.values[parameter])) for b in branches):
            continue
        start = dict(zip(found.here.names, orbit.points[0].tolist(), strict=True))
        try:
            branch = continue_orbit(
                map, params, start, period, parameter, span, at=value, step=step, points=points, progress=progress
            )
        except InputError as error:
            if progress is not None:
                progress(f"an orbit of period {period} is left out: {error}")
            continue
        branches.append(branch)
        if INTERRUPTED in branch.ends:
            break
    return tuple(branches)


def _check_names(map: Map, params: Mapping[str, Fraction], parameter: str) -> None:
    for name in params:
        if name not in map.parameters:
            raise InputError(
                f"{map.rule.name} on {map.loss.name} has no parameter '{name}'; {nearest(name, map.parameters)}"
            )
    missing = [n for n in map.parameters if n not in params and n != parameter]
    if missing:
        raise InputError(f"no value for {', '.join(missing)}; give {', '.join(f'{m}=...' for m in missing)}")


def _start(curve: Curve, guess: FloatArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Units of length and the orbit near a guess.

    Raises InputError where there is none of this period, or no single curve through it.
    """
    d = len(guess) - 1
    size = float(np.abs(guess[:-1]).max())
    base = np.append(np.full(d, size if size > 1e-9 else 1.0), width)
    if curve.linearised(guess) is None:
        raise InputError("the map has no derivative at the start: it jumps or has a kink there, or overflows")
    across = np.append(np.zeros(d), 1.0)
    found = curve.corrected(guess, across, base, 50)
    slope = curve.linearised(guess if found is None else found[0])
    if slope is not None and np.linalg.svd(slope[1] * base, compute_uv=False)[-1] < _REGULAR * (
        1 + float(np.abs(slope[1] * base).max())
    ):
        raise InputError(
            "no single curve passes through the start: it is a branch point or lies on a continuum of orbits; "
            "start beside it, or freeze a coordinate"
        )
    if found is None:
        raise InputError(
            f"Newton's method finds no orbit of period {curve.period} from the start; "
            "give a point closer to one, such as sam-theory orbits or find_orbits finds"
        )
    z = found[0]
    orbit = curve.steps(z, curve.period)
    size = float(np.abs(z[:-1]).max()) if orbit is None else float(np.abs(orbit).max())
    base = np.append(np.full(d, size if size > 1e-9 else 1.0), width)
    if orbit is not None:
        for j in range(1, curve.period):
            if not curve.period % j and float(np.abs(orbit[j] - orbit[0]).max()) <= _SAME * float(base[0]):
                raise InputError(f"the orbit has period {j}; continue it with that period")
    return base, z
