"""Tracing and flattening: programs as values, and plain Python code from programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sam_theory.arithmetic._base import Arithmetic, Coordinates, HasDerivatives
from sam_theory.arithmetic._program import Builder, Program, Traced, as_float
from sam_theory.arithmetic._python import HUGE, PYTHON_FUNCTIONS, TINY, python_unit
from sam_theory.errors import InputError


class Flatten(Arithmetic):
    """Runs a vector program on traced scalars: the result is a program of scalars alone."""

    name = "flatten"

    def __init__(self) -> None:
        self.builder = Builder()

    def input(self, name: str) -> Traced:
        """A scalar input of the flat program."""
        return Traced(self.builder, self.builder.emit("input", data=name, kind="s"))

    def number(self, value: Fraction) -> Traced:
        return Traced(self.builder, self.builder.emit("number", data=value))

    def power(self, a: Traced, exponent: Traced) -> Traced:
        return a.emit("power", a, exponent)

    def sqrt(self, a: Traced) -> Traced:
        return a.emit("sqrt", a)

    def sign(self, a: Traced) -> Traced:
        return a.emit("sign", a)

    def abs(self, a: Traced) -> Traced:
        return a.emit("abs", a)

    def select(self, a: Traced, b: Traced, then: Any, otherwise: Any, strict: bool) -> Any:
        if isinstance(then, Coordinates):
            pairs = zip(then, otherwise, strict=True)
            return Coordinates(a.emit("select", a, b, p, q, data=strict) for p, q in pairs)
        return a.emit("select", a, b, then, otherwise, data=strict)

    def call(self, function: str | HasDerivatives, order: int, a: Traced) -> Traced:
        if isinstance(function, str):
            return a.emit("call", a, data=(function, order))
        return function.evaluate(order, a, self)

    def norm(self, v: Any) -> Traced:
        if len(v) == 1:
            return self.abs(v[0])
        stacked = self._stacked(v)
        return stacked.emit("norm", stacked)

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        stacked = self._stacked(v)
        unit = stacked.emit("unit", stacked, eps if isinstance(eps, Traced) else stacked.lift(eps), data=normalisation)
        return Coordinates(unit.emit("component", unit, data=i) for i in range(len(v)))

    def is_zero(self, a: Any) -> bool:
        return not isinstance(a, Traced) and a == 0

    def _stacked(self, v: Sequence[Traced]) -> Traced:
        values = [a if isinstance(a, Traced) else self.number(Fraction(a)) for a in v]
        return values[0].emit("stack", *values)

    def finish(self, outputs: dict[str, Traced]) -> Program:
        """The flat program."""
        return self.builder.finish({name: t.index for name, t in outputs.items()})


_PRELUDE: dict[str, Any] = {
    "_sqrt": math.sqrt,
    "_hypot": math.hypot,
    "_copysign": math.copysign,
    "_pow": math.pow,
    "_unit": python_unit,
} | {f"_{name}": function for name, function in PYTHON_FUNCTIONS.items()}


def python_source(program: Program, rename: dict[str, str]) -> tuple[list[str], dict[str, str], dict[str, Any]]:
    """Straight Python statements for a flat program.

    ``rename`` maps input names to Python variables.  Returns the statements, the Python expression of each
    output, and the globals that the statements need.
    """
    lines: list[str] = []
    names: list[Any] = []
    for i, node in program:
        a = [names[j] for j in node.args]
        data: Any = node.data
        target = f"t{i}"
        match node.op:
            case "number":
                names.append(f"({as_float(data)!r})")
                continue
            case "input":
                names.append(rename[data])
                continue
            case "stack":
                names.append(a)
                continue
            case "component":
                names.append(a[0][data])
                continue
            case "add" | "sub" | "mul" | "div":
                symbol = {"add": "+", "sub": "-", "mul": "*", "div": "/"}[node.op]
                lines.append(f"{target} = {a[0]} {symbol} {a[1]}")
            case "neg":
                lines.append(f"{target} = -{a[0]}")
            case "ipow":
                lines.append(f"{target} = {' * '.join([a[0]] * data) if 0 < data <= 4 else f'{a[0]} ** {data}'}")
            case "power":
                lines.append(f"{target} = _pow({a[0]}, {a[1]})")
            case "sqrt":
                lines.append(f"{target} = _sqrt({a[0]})")
            case "abs":
                lines.append(f"{target} = abs({a[0]})")
            case "sign":
                lines.append(f"{target} = _copysign(1.0, {a[0]}) if {a[0]} else 0.0")
            case "select":
                comparison = "<" if data else "<="
                lines.append(f"{target} = {a[2]} if {a[0]} {comparison} {a[1]} else {a[3]}")
            case "call":
                if data[0] not in PYTHON_FUNCTIONS:
                    raise InputError(f"the function {data[0]} has no plain Python form; use simulate")
                lines.append(f"{target} = _{data[0]}({a[0]})")
            case "norm":
                lines.append(f"{target} = _hypot({', '.join(a[0])})")
            case "unit":
                names.append(_unit_source(lines, target, a[0], a[1], data))
                continue
            case _:
                raise InputError(f"operation '{node.op}' has no plain Python form; use the batch arithmetic")
        names.append(target)
    outputs = {name: names[i] for name, i in program.outputs}
    return lines, outputs, _PRELUDE


def _unit_source(lines: list[str], target: str, v: list[str], eps: str, normalisation: str) -> list[str]:
    lines.append(f"{target} = _hypot({', '.join(v)})" if len(v) > 1 else f"{target} = abs({v[0]})")
    form = {"add": f"{target} + {eps}", "max": f"max({target}, {eps})", "quadrature": f"_hypot({target}, {eps})"}
    exact = eps == "(0.0)"
    units = [f"{target}_{i}" for i in range(len(v))]
    lines.append(f"if {TINY} < {target} < {HUGE}:")
    lines.append(f"    {target}_n = {target if exact else form[normalisation]}")
    lines.extend(f"    {u} = {a} / {target}_n" for u, a in zip(units, v, strict=True))
    lines.append("else:")
    lines.append(f"    {', '.join(units)}, = _unit(({', '.join(v)},), {eps}, {normalisation!r})")
    return units
