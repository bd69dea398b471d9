"""Flat programs as instructions on registers: every operation with the meaning that float64 batches give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sam_theory.arithmetic import Node, Program
from sam_theory.arithmetic._program import as_float
from sam_theory.errors import InputError
from sam_theory.kernels._functions import FUNCTIONS, power
from sam_theory.kernels._jumps import delicate
from sam_theory.kernels._lanes import Lanes, Value
from sam_theory.kernels._norms import direction, norm, sign, unit


def emit(lanes: Lanes, program: Program, inputs: Mapping[str, Value]) -> dict[str, Value]:
    """Append a flat program to a block.

    Lane i of a result depends on lane i of the inputs alone, and has the same bits at every width.  The block of
    ``lanes.builder`` may be another one afterwards: rare lanes are treated in blocks of their own.

    Parameters
    ----------
    lanes : Lanes
        Where the instructions go.
    program : Program
        A program of scalars (``Map.flat``, :func:`flattened`, :func:`simplified`).
    inputs : dict of registers
        The inputs by name.

    Returns
    -------
    dict of registers, the outputs by name

    Raises
    ------
    InputError
        For a missing input, an unknown function, an operation on vectors that no flat program has, or a constant
        beyond float64.
    """
    return _Emitter(lanes, program, inputs).outputs()


def flat_power(lanes: Lanes, a: Value, exponent: int) -> Value:
    """a^exponent for a constant integer, by the products of :meth:`Float64.ipow` in their order."""
    one = lanes.number(1.0)
    if exponent == 0:
        return lanes.add(one, lanes.mul(lanes.number(0.0), a))
    result: Value = None
    base, n = a, abs(exponent)
    while n:
        if n & 1:
            result = base if result is None else lanes.mul(result, base)
        n >>= 1
        base = lanes.mul(base, base) if n else base
    return result if exponent > 0 else lanes.div(one, result)


def single_use_products(program: Program) -> frozenset[int]:
    """Products that a sum or difference may swallow, with one rounding in the place of two.

    Each is used once, and no jump of a function depends on the sum: where two products cancel to 0 in the batch
    arithmetic, they must do so here if a direction is derived from it.
    """
    uses = [0] * len(program.nodes)
    for _, place in program.outputs:
        uses[place] += 1
    for node in program.nodes:
        for j in node.args:
            uses[j] += 1
    turning = delicate(program)
    found = set()
    for i, node in program:
        if node.op in ("add", "sub") and not turning[i]:
            inside = [j for j in node.args if program.nodes[j].op == "mul" and uses[j] == 1]
            found.update(inside[:1])
    return frozenset(found)


def scaled_directions(program: Program) -> dict[int, int]:
    """Units of which every coordinate is only ever multiplied by one and the same value, with that value.

    The factor then multiplies the inverse norm, once for all coordinates.
    """
    others: dict[int, set[int]] = {}
    for node in program.nodes:
        for position, j in enumerate(node.args):
            if program.nodes[j].op == "component":
                mul = node.op == "mul" and node.args[0] != node.args[1]
                others.setdefault(j, set()).add(node.args[1 - position] if mul else -1)
    for _, i in program.outputs:
        others.setdefault(i, set()).add(-1)
    factors: dict[int, set[int]] = {}
    for j, found in others.items():
        if program.nodes[j].op == "component":
            factors.setdefault(program.nodes[j].args[0], set()).update(found)
    result = {}
    for i, found in factors.items():
        node = program.nodes[i]
        short = node.op == "unit" and len(program.nodes[node.args[0]].args) == 1
        [factor] = found if len(found) == 1 else [-1]
        inside = factor >= 0 and program.nodes[factor].op == "component" and program.nodes[factor].args[0] == i
        if node.op == "unit" and factor >= 0 and not short and not inside:
            result[i] = factor
    return result


class _Emitter:
    """The registers of the nodes that have been emitted; a vector is a list of them."""

    def __init__(self, lanes: Lanes, program: Program, inputs: Mapping[str, Value]) -> None:
        self.lanes, self.program, self.inputs = lanes, program, inputs
        self.fused = single_use_products(program)
        self.scaled = scaled_directions(program)
        self.directions: dict[int, tuple[list[Value], Value]] = {}
        self.values: list[Any] = []
        for i, node in program:
            late = i in self.fused or i in self.scaled or (node.op == "component" and node.args[0] in self.scaled)
            self.values.append(None if late else self._node(i, node))

    def outputs(self) -> dict[str, Value]:
        return {name: self.values[i] for name, i in self.program.outputs}

    def _node(self, i: int, node: Node) -> Any:
        args = [self.values[j] for j in node.args]
        data: Any = node.data
        match node.op:
            case "number":
                return self.lanes.number(as_float(data))
            case "input":
                if data not in self.inputs:
                    raise InputError(f"no value for '{data}'; give it among the parameters or the state")
                return self.inputs[data]
            case "add" | "sub":
                return self._sum(node, args)
            case "mul":
                return self.lanes.mul(*self._operands(i))
            case "div" | "neg" | "abs" | "sqrt":
                return getattr(self.lanes, node.op)(*args)
            case "ipow":
                return flat_power(self.lanes, args[0], data)
            case "power":
                return power(self.lanes, *args)
            case "sign":
                return sign(self.lanes, args[0])
            case "select":
                return self._select(node, args)
            case "call":
                return self._function(data)(self.lanes, args[0])
            case "stack":
                return args
            case "component":
                return args[0][data]
            case "norm":
                return norm(self.lanes, args[0])
            case "unit":
                return unit(self.lanes, args[0], self._eps(node), data)
        raise InputError(f"operation '{node.op}' is none of a flat program; use Map.flat or flattened")

    def _eps(self, node: Node) -> Value | None:
        eps = self.program.nodes[node.args[1]]
        return None if eps.op == "number" and eps.data == 0 else self.values[node.args[1]]

    def _operands(self, i: int) -> tuple[Value, Value]:
        """The two factors of a product; those of a multiplied unit vector are its short form and its scale."""
        first, second = self.program.nodes[i].args
        for j, factor in ((first, second), (second, first)):
            node = self.program.nodes[j]
            if node.op == "component" and node.args[0] in self.scaled:
                parts, scale = self._direction(node.args[0], self.values[factor])
                place: Any = node.data
                return parts[place], scale
        return self.values[first], self.values[second]

    def _direction(self, i: int, factor: Value) -> tuple[list[Value], Value]:
        if i not in self.directions:
            node = self.program.nodes[i]
            normalisation: Any = node.data
            vector = self.values[node.args[0]]
            self.directions[i] = direction(self.lanes, vector, self._eps(node), normalisation, factor)
        return self.directions[i]

    def _sum(self, node: Node, args: list[Value]) -> Value:
        """A sum or a difference, with a product that stands in it alone fused."""
        for position, i in enumerate(node.args):
            if i in self.fused:
                (a, b), other = self._operands(i), args[1 - position]
                if node.op == "sub":
                    a, other = (a, self.lanes.neg(other)) if position == 0 else (self.lanes.neg(a), other)
                return self.lanes.fma(a, b, other)
        return self.lanes.add(*args) if node.op == "add" else self.lanes.sub(*args)

    def _select(self, node: Node, args: list[Value]) -> Value:
        a, b, then, otherwise = args
        first, second = node.args[:2], node.args[2:]
        if node.data is True and first == second:
            return self.lanes.minimum(a, b)
        if node.data is True and first == second[::-1]:
            return self.lanes.maximum(a, b)
        compare = self.lanes.less if node.data else self.lanes.less_equal
        return self.lanes.select(compare(a, b), then, otherwise)

    @staticmethod
    def _function(data: Any) -> Callable[[Lanes, Value], Value]:
        name, order = data
        if order != 0 or name not in FUNCTIONS:
            what = name if isinstance(name, str) else getattr(name, "name", repr(name))
            raise InputError(f"the function {what} has no machine code; use the backend numpy")
        return FUNCTIONS[name]
