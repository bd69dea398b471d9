"""A sweep from a TOML file: what it says, checked; nothing in it is ever executed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sam_theory.cli._map import exact, read_loss, read_rule
from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    import sympy as sp

    from sam_theory.dynamics import Map, Over

__all__ = ["read_sweep"]

_NUMBER = (int, float)
#: Keys of a file, the types of their values, and how those are called.
_KEYS: dict[str, tuple[tuple[type, ...], str]] = {
    "loss": ((str,), "a name or an expression in quotes"),
    "rule": ((str,), "a name in quotes"),
    "coordinates": ((list,), 'a list of names, as ["x", "y"]'),
    "starts": ((list, dict), "a list of coordinates, a list of such lists, or a table of coordinates by name"),
    "steps": ((int,), "a whole number"),
    "settling": ((str, float), '"exact", "off" or a tolerance such as 1e-12'),
    "backend": ((str,), '"auto", "numpy" or "fast"'),
    "seed": ((int,), "a whole number"),
    "tile": ((int,), "a whole number of trajectories"),
    "final": ((bool,), "true or false"),
    "parameters": ((dict,), "a table of numbers by name"),
    "over": ((dict,), "a table of axes by name"),
    "observe": ((dict,), "a table of expressions by name"),
}
_NEEDED = ("loss", "rule", "steps", "over")
_REDUCTIONS = ("max", "min", "mean")


def read_sweep(path: str) -> tuple[Map, dict[str, Any]]:
    """The map of a file, and the other arguments of :func:`sam_theory.sweeps.sweep`.

    Raises InputError for a file that cannot be read, unknown keys and names, and values of a wrong type.
    """
    said = _table(path)
    for key, value in said.items():
        if key not in _KEYS:
            raise InputError(f"{path}: unknown key {key!r}; {nearest(key, _KEYS)}")
        types, name = _KEYS[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise InputError(f"{path}: {key} must be {name}, not {value!r}")
    for key in _NEEDED:
        if key not in said:
            raise InputError(f"{path}: there is no {key!r}; give {_KEYS[key][1]}")
    try:
        return _read(said)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _table(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:  # of the syntax, of UTF-8, of integers with too many digits
        raise InputError(f"{path} is not TOML: {error}; see sam-theory sweep --help for an example") from None


def _read(said: dict[str, Any]) -> tuple[Map, dict[str, Any]]:
    from sam_theory.dynamics import Map

    parameters = {name: _numbers(value, name) for name, value in said.get("parameters", {}).items()}
    over = {name: _numbers(value, name) for name, value in said["over"].items()}
    rule = read_rule(said["rule"])
    named = {*parameters, *over}
    rule = rule.free(*(n for n in rule.options if n in named and isinstance(rule.options[n], int | float | Fraction)))
    map = Map(rule, read_loss(said["loss"], _held(said, {*parameters} - {*rule.parameters})))
    arguments: dict[str, Any] = {
        key: said[key] for key in ("settling", "backend", "seed", "tile", "final") if key in said
    }
    starts = said.get("starts")
    if "seed" in said and not rule.noise:
        del arguments["seed"]
    return map, {
        "over": over,
        "starts": None if starts is None else _numbers(starts, "starts"),
        "steps": said["steps"],
        "params": parameters,
        "observe": _observed(said.get("observe", {}), map),
        **arguments,
    }


def _held(said: Mapping[str, Any], parameters: set[str]) -> set[str]:
    """The symbols of the loss that are no coordinates: those that are given, or not listed as coordinates."""
    coordinates = said.get("coordinates")
    if coordinates is None:
        return parameters
    from sam_theory.arithmetic import parse_expression

    if said["loss"].isidentifier():
        raise InputError(f"coordinates are for expressions; the loss {said['loss']} has its own")
    symbols = {str(s) for s in parse_expression(said["loss"]).free_symbols}
    if not coordinates:
        raise InputError("coordinates are none; list at least one, or leave the key out")
    for name in coordinates:
        if not isinstance(name, str) or name not in symbols:
            raise InputError(f"the loss has no coordinate {name!r}; {nearest(str(name), symbols)}")
    if list(coordinates) != sorted({*coordinates}):
        raise InputError(f"coordinates are {coordinates}; list each once, sorted by name")
    return symbols - {*coordinates}


def _numbers(value: Any, what: str) -> Any:
    """Numbers, also as texts such as ``"27/10"``, in lists and tables."""
    if isinstance(value, str):
        return exact(value, what)
    if isinstance(value, list):
        return [_numbers(v, what) for v in value]
    if isinstance(value, dict):
        return {name: _numbers(v, what) for name, v in value.items()}
    if isinstance(value, bool) or not isinstance(value, _NUMBER):
        raise InputError(f'{what}: {value!r} is not a number; write 0.1, 1e-3 or "1/10"')
    return value


def _observed(said: Mapping[str, Any], map: Map) -> dict[str, sp.Basic | Over]:
    from sam_theory.arithmetic import VectorSymbol, grad, norm, parse_expression, value
    from sam_theory.dynamics import Over

    w: Any = VectorSymbol("w")
    own = {"loss": value(w), "gradient_norm": norm(grad(w))}
    names = {n: e for n, e in own.items() if n not in map.parameters and n not in map.loss.variables}
    found: dict[str, sp.Basic | Over] = {}
    for name, given in said.items():
        if isinstance(given, str):
            found[name] = parse_expression(given, names=names)
            continue
        if not isinstance(given, dict):
            raise InputError(f'observe.{name} must be an expression in quotes, or as {{max = "abs(x)", last = 100}}')
        for key in given:
            if key not in (*_REDUCTIONS, "last"):
                raise InputError(f"observe.{name}: unknown key {key!r}; {nearest(key, (*_REDUCTIONS, 'last'))}")
        kinds = [key for key in given if key != "last"]
        if len(kinds) != 1 or not isinstance(given[kinds[0]], str):
            raise InputError(f'observe.{name} takes one of max, min and mean, as {{max = "abs(x)", last = 100}}')
        last = given.get("last")
        if last is not None and (isinstance(last, bool) or not isinstance(last, int) or last < 1):
            raise InputError(f"observe.{name}: last is a number of steps, at least 1, not {last!r}")
        found[name] = Over(kinds[0], parse_expression(given[kinds[0]], names=names), last)
    return found
