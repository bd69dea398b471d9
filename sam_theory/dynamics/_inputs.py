"""What a simulation is given, checked: one clear line for everything that can be wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.dynamics._outcome import FloatArray
from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.losses import Loss

_DOMAINS = {
    "eta": ("a step size must be positive", False),
    "rho": ("a perturbation radius must be at least 0", True),
    "eps": ("a regularisation must be at least 0", True),
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """A checked problem: arrays of shape (d, n) for n trajectories; parameters as floats or arrays (n,)."""

    batch: tuple[int, ...]
    state: dict[str, FloatArray]
    parameters: dict[str, Any]


def numbers(value: Any, what: str) -> FloatArray:
    """``value`` as an array of finite floats."""
    refused = InputError(f"{what} must be a real number or an array of them, not {value!r}")
    try:
        raw = np.asarray(value)
        if raw.dtype.kind not in "iufO" or (raw.dtype.kind == "O" and None in raw.ravel().tolist()):
            raise refused
        result = np.array(raw, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise refused from None
    if not np.isfinite(result).all():
        raise InputError(f"{what} is not finite everywhere; give numbers without NaN and infinity")
    return result


def count(value: Any, what: str, least: int) -> int:
    """``value`` as an integer of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{what} must be an integer of at least {least}, not {value!r}")
    return int(value)


def check_settling(value: Any) -> str | float:
    """When trajectories are stopped: "exact", "off" or a tolerance."""
    if isinstance(value, str) and value in ("exact", "off"):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float, np.floating)) or not 0 < value < 1:
        raise InputError(f"settling is {value!r}; choose 'exact', 'off' or a tolerance between 0 and 1, e.g. 1e-12")
    return float(value)


def check_loss(loss: Loss) -> None:
    """Refuse losses without values: classes of functions and opaque links."""
    if loss.abstract:
        raise InputError(f"{loss.name} is a class of functions without values; choose a member, e.g. Quadratic(1)")
    for program in (loss.value_program, loss.gradient_program):
        for _, node in program:
            data: Any = node.data
            if node.op == "call" and getattr(data[0], "opaque", False):
                raise InputError(
                    f"the link {data[0].name} of {loss.name} is opaque; choose a concrete one, e.g. log_cosh"
                )


def check_parameters(map: Map, given: Mapping[str, Any]) -> dict[str, FloatArray]:
    """The parameters of a map as arrays; raises InputError for a missing, unknown or inadmissible one."""
    wanted = map.parameters
    for name in given:
        if name in wanted:
            continue
        if name in map.rule.options:
            raise InputError(
                f"'{name}' is an option of {map.rule.name}, not a parameter; "
                f"use {map.rule.name}.fix({name}=...) or {map.rule.name}.free('{name}')"
            )
        where = f"{map.rule.name} on {map.loss.name}"
        raise InputError(f"{where} has no parameter '{name}'; {nearest(name, wanted)}")
    missing = [name for name in wanted if name not in given]
    if missing:
        raise InputError(f"no value for {', '.join(missing)}; give {', '.join(f'{m}=...' for m in missing)}")
    result = {}
    for name in wanted:
        values = result[name] = numbers(given[name], name)
        if name in _DOMAINS:
            text, zero = _DOMAINS[name]
            outside = values < 0 if zero else values <= 0
            if outside.any():
                raise InputError(f"{name} is {values[outside].flat[0]:.12g}; {text}")
    return result


def _start(map: Map, start: Any) -> dict[str, FloatArray]:
    first = map.state[0]
    given = dict(start) if isinstance(start, Mapping) else {first: start}
    for name in given:
        if name not in map.state:
            raise InputError(f"{map.rule.name} has no state vector '{name}'; {nearest(name, map.state)}")
    if first not in given:
        raise InputError(f"the start has no '{first}'; give the iterate, further vectors default to 0")
    arrays = {name: numbers(value, f"the start '{name}'") for name, value in given.items()}
    d = map.loss.dimension
    for name, array in arrays.items():
        if array.ndim == 0 and d in (1, None):
            arrays[name] = array = array.reshape(1)
        size = array.shape[-1] if array.ndim else 0
        wanted = d if d is not None else arrays[first].shape[-1]
        if size != wanted or size == 0:
            raise InputError(
                f"the start '{name}' has shape {np.shape(given[name])}, but {map.loss.name} "
                f"has dimension {wanted}; the last axis must hold the {wanted} coordinates"
            )
    return arrays


def prepare(map: Map, start: Any, parameters: Mapping[str, Any]) -> Inputs:
    """Check and broadcast; raises InputError for anything that does not fit."""
    check_loss(map.loss)
    values = check_parameters(map, parameters)
    arrays = _start(map, start)
    shapes = {f"start {n}": a.shape[:-1] for n, a in arrays.items()} | {n: v.shape for n, v in values.items()}
    try:
        batch = np.broadcast_shapes(*shapes.values())
    except ValueError:
        listed = ", ".join(f"{n} {s}" for n, s in shapes.items() if s)
        raise InputError(f"the batch shapes do not broadcast: {listed}; insert axes of length 1") from None
    d = arrays[map.state[0]].shape[-1]
    n = math.prod(batch)
    state = {
        name: np.ascontiguousarray(np.broadcast_to(arrays.get(name, np.zeros(d)), (*batch, d)).reshape(n, d).T)
        for name in map.state
    }
    scalars = {
        name: float(v) if v.ndim == 0 else np.broadcast_to(v, batch).reshape(n).copy() for name, v in values.items()
    }
    return Inputs(batch, state, scalars)
