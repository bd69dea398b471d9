"""Where the trajectories of a sweep begin: one start, a list of them, or coordinates that are axes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.errors import InputError, nearest
from sam_theory.sweeps._axes import FloatArray

if TYPE_CHECKING:
    from sam_theory.dynamics import Map

__all__ = ["Starts", "read_starts"]


@dataclass(frozen=True, eq=False)
class Starts:
    """``points`` (n, d) holds NaN where a coordinate is an axis; ``further`` state vectors are the same for all."""

    variables: tuple[str, ...]
    points: FloatArray
    several: bool
    further: dict[str, FloatArray]


def read_starts(map: Map, given: Any, axes: Collection[str]) -> Starts:
    """The starts of a sweep over ``axes``, checked.

    Parameters
    ----------
    map : Map
    given : array (d,) or (n, d), mapping, or None
        A mapping gives coordinates by name, or whole state vectors; None only where every coordinate is an axis.
    axes : collection of str
        Names that vary.

    Raises
    ------
    InputError
        For a wrong dimension, numbers that are not finite, unknown names, and coordinates without a value.
    """
    first, further = map.state[0], {}
    if isinstance(given, Mapping) and given and set(given) & set(map.state):
        for name in given:
            if name not in map.state:
                raise InputError(f"{map.rule.name} has no state vector {name!r}; {nearest(str(name), map.state)}")
        further = {name: _array(value, name) for name, value in given.items() if name != first}
        given = given.get(first)
    d = map.loss.dimension
    whole = None if given is None or isinstance(given, Mapping) else _array(given, first)
    if d is None:
        if whole is None or whole.ndim == 0:
            raise InputError(f"{map.loss.name} has no fixed dimension; give starts as lists of coordinates")
        d = whole.shape[-1]
    names = map.loss.variables if map.loss.dimension is not None else tuple(f"w{i + 1}" for i in range(d))
    if whole is None:
        points = _by_name(names, given or {}, axes)
    else:
        points = whole.reshape(1) if whole.ndim == 0 and d == 1 else whole
        if points.ndim not in (1, 2) or points.shape[-1] != d or not points.size:
            raise InputError(
                f"starts have shape {whole.shape}; {map.loss.name} needs {d} coordinates ({', '.join(names[:6])}"
                f"{', ...' if d > 6 else ''}): one list of them, or a list of such lists"
            )
    for name, vector in further.items():
        if vector.shape != (d,):
            raise InputError(f"the start of {name!r} has shape {vector.shape}, not ({d},); it is the same for all")
    several = points.ndim == 2
    points = np.array(points.reshape(-1, d))
    for i, name in enumerate(names):
        if name in axes:
            points[:, i] = np.nan
    return Starts(tuple(names), points, several, further)


def _array(value: Any, name: str) -> FloatArray:
    try:
        raw = np.asarray(value)
        if raw.dtype.kind not in "iufO":
            raise TypeError
        found = np.array(raw, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"the start {name!r} must be a list of numbers, all of one length, not {value!r}") from None
    if not np.isfinite(found).all():
        raise InputError(f"the start {name!r} is not finite everywhere; give numbers without NaN and infinity")
    return found


def _by_name(names: tuple[str, ...], given: Mapping[str, Any], axes: Collection[str]) -> FloatArray:
    for name in given:
        if name not in names:
            raise InputError(f"there is no coordinate {name!r} to start at; {nearest(str(name), names)}")
    missing = [name for name in names if name not in given and name not in axes]
    if missing:
        raise InputError(f"no start for {', '.join(missing)}; give starts, or make {missing[0]} an axis")
    values = {name: _array(value, name) for name, value in given.items()}
    for name, value in values.items():
        if value.ndim:
            raise InputError(f"the start {name!r} must be one number; to vary it, give it in over")
    return np.array([float(values[name]) if name in values else np.nan for name in names])
