"""What a sweep computes, as data: checked, canonical, with a key that names everything the numbers depend on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from sam_theory import __version__
from sam_theory.arithmetic import Program, lower
from sam_theory.dynamics import Over, check_parameters
from sam_theory.errors import InputError, nearest
from sam_theory.sweeps._axes import Axis, FloatArray, axis_values
from sam_theory.sweeps._backend import check_backend, choose_backend
from sam_theory.sweeps._cost import numpy_seconds, operations, tile_size
from sam_theory.sweeps._starts import Starts, read_starts

if TYPE_CHECKING:
    from sam_theory.dynamics import Map

__all__ = ["SCHEMA", "START", "Specification", "specify"]

SCHEMA = 1
"""Number of the format of specifications and tiles; another number is another key."""
START = "start"
_TAKEN = ("outcome", "step", "settled", "final", "coordinate", "starts", START)
_MOST_STEPS = 2**31 - 1
_MOST_TILES = 10**7


@dataclass(frozen=True, eq=False)
class Specification:
    """A checked sweep: build one by :func:`specify`."""

    map: Map
    axes: tuple[Axis, ...]
    parameters: dict[str, float]
    starts: Starts
    steps: int
    observe: dict[str, sp.Basic | Over]
    settling: str | float
    backend: str
    seed: int | None
    tile: int
    keep_final: bool
    #: Why this backend computes; no part of the key.
    reason: str = ""

    def __reduce__(self) -> Any:
        return Specification, tuple(getattr(self, f.name) for f in fields(self))  # without what was derived

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of trajectories."""
        return math.prod(self.shape)

    @property
    def tiles(self) -> int:
        """Number of tiles: tile i holds trajectories i·tile … in the order of the axes, the last one fastest."""
        return -(-self.size // self.tile)

    @property
    def bytes_each(self) -> int:
        """What a trajectory takes in the store: a code, two steps, the states that are kept, what is observed."""
        vectors = len(self.map.state) if self.keep_final else 0
        return 9 + 8 * (vectors * len(self.starts.variables) + len(self.observe))

    def bounds(self, number: int) -> tuple[int, int]:
        """The first trajectory of a tile, and how many it has."""
        first = number * self.tile
        return first, min(self.tile, self.size - first)

    @cached_property
    def document(self) -> dict[str, Any]:
        """Everything the numbers depend on, as plain data; floats are written exactly, in hexadecimal."""
        return {
            "schema": SCHEMA,
            "sam_theory": __version__,
            "backend": self.backend,
            "computed_by": _versions(self.backend),
            "rule": {"name": self.map.rule.variant, "definition": self.map.rule.definition},
            "loss": {
                "name": self.map.loss.name,
                "definition": self.map.loss.definition,
                "gradient": self.map.loss.gradient_program.text(),
            },
            "state": list(self.map.state),
            "coordinates": list(self.starts.variables),
            "axes": [{"name": a.name, "kind": a.kind, "values": _hex(a.values)} for a in self.axes],
            "parameters": {name: value.hex() for name, value in sorted(self.parameters.items())},
            "starts": {
                "points": None if any(a.kind == START for a in self.axes) else _hex(self.starts.points[0]),
                "further": {name: _hex(v) for name, v in sorted(self.starts.further.items())},
            },
            "steps": self.steps,
            "observe": {name: _described(o) for name, o in self.observe.items()},
            "settling": self.settling if isinstance(self.settling, str) else self.settling.hex(),
            "seed": self.seed,
            "keep_final": self.keep_final,
            "tile": self.tile,
        }

    @cached_property
    def text(self) -> str:
        """The document in its canonical form."""
        return json.dumps(self.document, sort_keys=True, ensure_ascii=True, allow_nan=False, indent=1) + "\n"

    @cached_property
    def key(self) -> str:
        """SHA-256 of :attr:`text`, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def inputs(self, number: int) -> tuple[dict[str, FloatArray], dict[str, Any]]:
        """State vectors and parameters of the trajectories of a tile; nothing larger than the tile is made."""
        first, count = self.bounds(number)
        places = np.unravel_index(np.arange(first, first + count), self.shape)
        chosen = {axis.name: axis.values[at] for axis, at in zip(self.axes, places, strict=True)}
        state = self.map.state[0]
        points = chosen[START] if START in chosen else self.starts.points[0]
        start = np.array(np.broadcast_to(points, (count, len(self.starts.variables))))
        parameters: dict[str, Any] = dict(self.parameters)
        for axis in self.axes:
            if axis.kind == "coordinate":
                start[:, self.starts.variables.index(axis.name)] = chosen[axis.name]
            elif axis.kind == "parameter":
                parameters[axis.name] = chosen[axis.name]
        return {state: start, **self.starts.further}, parameters


def _hex(values: FloatArray) -> Any:
    return None if np.isnan(values).all() else _nested(values.tolist())


def _nested(value: Any) -> Any:
    if isinstance(value, list):
        return [_nested(v) for v in value]
    return None if math.isnan(value) else float(value).hex()


def _versions(backend: str) -> dict[str, str]:
    from importlib import metadata

    names = ("numpy", "llvmlite") if backend == "fast" else ("numpy",)
    return {name: metadata.version(name) for name in names}


def _described(observable: sp.Basic | Over) -> dict[str, Any]:
    if isinstance(observable, Over):
        return {**_described(observable.expression), "over": observable.reduction, "last": observable.last}
    return {"program": lower(observable).text()}


def specify(
    map: Map,
    over: Mapping[str, Any],
    starts: Any,
    steps: int,
    *,
    params: Mapping[str, Any],
    observe: Mapping[str, Any],
    settling: str | float,
    backend: str,
    seed: int | None,
    tile: int | None,
    keep_final: bool,
) -> Specification:
    """Check what :func:`sam_theory.sweeps.sweep` is given; raises InputError, see there."""
    steps = _count(steps, "steps", 0, _MOST_STEPS)
    _check_names(map, over)
    if START in over and starts is not None:
        raise InputError("starts are given twice; give the list as starts, or as the axis 'start'")
    read = read_starts(map, over.get(START, starts), over)
    axes = _axes(map, over, read)
    varying = {axis.name: axis.values for axis in axes if axis.kind == "parameter"}
    for name in params:
        if name in varying:
            raise InputError(f"{name} is an axis; do not give it a value besides")
    checked = check_parameters(map, {**params, **varying})
    for name in params:
        if checked[name].ndim:
            raise InputError(f"the parameter {name} must be one number; to vary it, give it in over")
    size = math.prod(len(axis) for axis in axes)
    programs = _observed(map, observe, read.variables, steps)
    if map.rule.noise:
        if seed is None:
            raise InputError(f"{map.rule.name} draws at random; give a seed, as seed=0")
        seed = _count(seed, "seed", 0, None)
    tolerance = _settling(settling)
    check_backend(backend)
    chosen = Specification(
        map=map,
        axes=axes,
        parameters={name: float(checked[name]) for name in map.parameters if name in params},
        starts=read,
        steps=steps,
        observe=dict(observe),
        settling=tolerance,
        backend="numpy",
        seed=seed if map.rule.noise else None,
        tile=1,
        keep_final=bool(keep_final),
    )
    d = len(read.variables)
    each = operations(map, d, steps, programs)
    resolved, reason = choose_backend(map, backend, numpy_seconds(each, size), *chosen.inputs(0), observe, tolerance)
    own = tile_size(map, d, each, size, resolved)
    if tile is not None:
        own = min(_count(tile, "tile", 1, None), size)
    if -(-size // own) > _MOST_TILES:
        raise InputError(
            f"the grid has {size} trajectories in tiles of {own}, more than {_MOST_TILES} tiles; take fewer values"
        )
    return replace(chosen, backend=resolved, tile=own, reason=reason)


def _count(value: Any, what: str, least: int, most: int | None) -> int:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        between = f"at least {least}" if most is None else f"{least} to {most}"
        raise InputError(f"{what} must be a whole number, {between}, not {value!r}")
    return int(value)


def _check_names(map: Map, over: Mapping[str, Any]) -> None:
    """Refuse names of axes that stand for nothing, before anything else is said."""
    fixed = map.loss.dimension is not None
    known = (*map.parameters, *(map.loss.variables if fixed else ()), START)
    for name in over:
        if name in known:
            continue
        if name in map.rule.options:
            raise InputError(f"{name} is an option of {map.rule.name}; use {map.rule.name}.free({name!r}) to vary it")
        if fixed:
            raise InputError(f"there is nothing named {name!r} to vary; {nearest(str(name), known)}")


def _axes(map: Map, over: Mapping[str, Any], starts: Starts) -> tuple[Axis, ...]:
    axes = []
    for name, given in over.items():
        if name == START:
            axes.append(Axis(START, "start", starts.points))
        elif name in map.parameters:
            axes.append(Axis(name, "parameter", axis_values(name, given)))
        elif name in starts.variables:
            axes.append(Axis(name, "coordinate", axis_values(name, given)))
        else:
            known = (*map.parameters, *starts.variables, START)
            raise InputError(f"there is nothing named {name!r} to vary; {nearest(str(name), known)}")
    if starts.several and START not in over:
        axes.append(Axis(START, "start", starts.points))
    for name in (*map.parameters, *starts.variables):
        if name in _TAKEN:
            raise InputError(f"{name!r} names something else in the result of a sweep; rename it")
    if not axes:
        raise InputError("over names no axis; give at least one, as over={'eta': [0.1, 0.2]}")
    return tuple(axes)


def _observed(
    map: Map, observe: Mapping[str, Any], variables: tuple[str, ...], steps: int
) -> list[tuple[Program, int]]:
    """The observables as programs, and at how many steps each is evaluated."""
    found = []
    vectors, scalars = {"w", "w_start", *map.state}, {"t", *map.parameters, *variables}
    for name, observable in observe.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise InputError(f"the observable {name!r} needs a name of letters, digits and _")
        if name in (*_TAKEN, *map.parameters, *variables) or name.removeprefix("final_") in map.state:
            raise InputError(f"the observable {name!r} has a name that stands for something else; choose another")
        reduced = isinstance(observable, Over)
        expression = observable.expression if isinstance(observable, Over) else observable
        if not isinstance(expression, sp.Basic):
            raise InputError(f"the observable {name!r} must be a SymPy expression or Over(...), not {observable!r}")
        program = lower(expression)
        if program.kinds[program.outputs[0][1]] == "v":
            raise InputError(f"the observable {name!r} is a vector; take its norm or one of its coordinates")
        for i, node in program:
            names = vectors if program.kinds[i] == "v" else scalars
            if node.op == "input" and node.data not in names:
                raise InputError(f"the observable {name!r} uses {node.data!r}; {nearest(str(node.data), names)}")
        last = observable.last if isinstance(observable, Over) else None
        found.append((program, (steps if last is None else min(last, steps)) if reduced else 1))
    return found


def _settling(given: Any) -> str | float:
    if given in ("exact", "off"):
        return str(given)
    if isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < 1:
        return float(given)
    raise InputError(f"settling is {given!r}; choose 'exact', 'off' or a tolerance between 0 and 1, as 1e-12")
