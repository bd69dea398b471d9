"""Flat programs as instructions on registers: every operation with the meaning that float64 batches give it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sam_theory.arithmetic import NORMALISATIONS, Node, Program
from sam_theory.arithmetic._program import as_float
from sam_theory.errors import InputError
from sam_theory.kernels._functions import FUNCTIONS, power
from sam_theory.kernels._lanes import Lanes, Value

#: Sums of squares between which a square root of them loses nothing to underflow or overflow of a square.
_TINY, _HUGE = 2.0**-900, 2.0**900

#: A regularisation whose square may still be added to such a sum.
_LONG = 2.0**450

#: What no value may depend on that is computed with one rounding instead of two: a residue of 1e-17 in the place of
#: a rounded 0 turns a direction.
_JUMPS = {"sign": (0,), "select": (0, 1), "unit": (0,), "power": (0, 1)}


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


def sign(lanes: Lanes, a: Value) -> Value:
    """−1, 0 or 1; no number where a is none."""
    flat = lanes.builder.fcmp_unordered("==", a, lanes.number(0.0))  # 0, or no number
    return lanes.select(flat, lanes.abs(a), lanes.copysign(lanes.number(1.0), a))


def norm(lanes: Lanes, v: Sequence[Value]) -> Value:
    """‖v‖ without underflow or overflow of a square."""
    if len(v) == 1:
        return lanes.abs(v[0])
    squared = _squared(lanes, v)

    def scaled() -> list[Value]:
        _, scale, parts = _scaled(lanes, v)
        return [lanes.mul(scale, lanes.sqrt(_squared(lanes, parts)))]

    return rarely(lanes, _outside(lanes, squared), [lanes.sqrt(squared)], scaled)[0]


def unit(lanes: Lanes, v: Sequence[Value], eps: Value | None, normalisation: str) -> list[Value]:
    """v over its regularised norm; ``eps`` None is 0.  The unit vector of 0 is 0."""
    if normalisation not in NORMALISATIONS:
        raise InputError(f"unknown normalisation {normalisation!r}; one of {', '.join(NORMALISATIONS)}")
    if len(v) == 1 and eps is None:  # the sign of what is finite, else no number
        return [lanes.add(sign(lanes, v[0]), lanes.mul(lanes.number(0.0), v[0]))]
    squared = _squared(lanes, v)
    rare = _outside(lanes, squared)
    length = lanes.abs(v[0]) if len(v) == 1 else lanes.sqrt(squared)
    if eps is not None:
        length = regularised(lanes, length, eps, normalisation)
        rare = lanes.either(rare, lanes.less(lanes.number(_LONG), lanes.abs(eps)))
    inverse = lanes.div(lanes.number(1.0), length)

    def scaled() -> list[Value]:
        top, scale, parts = _scaled(lanes, v)
        n = lanes.abs(parts[0]) if len(v) == 1 else lanes.sqrt(_squared(lanes, parts))
        if eps is not None:
            n = regularised(lanes, n, lanes.div(eps, scale), normalisation)
        zero = lanes.number(0.0)
        nothing = lanes.equal(top, zero)
        return [lanes.select(nothing, zero, lanes.div(part, n)) for part in parts]

    return rarely(lanes, rare, [lanes.mul(a, inverse) for a in v], scaled)


def regularised(lanes: Lanes, n: Value, eps: Value, normalisation: str) -> Value:
    """n + ε, max(n, ε) or √(n² + ε²)."""
    if normalisation == "add":
        return lanes.add(n, eps)
    if normalisation == "max":
        return lanes.select(lanes.less(n, eps), eps, n)
    return lanes.sqrt(lanes.add(lanes.mul(n, n), lanes.mul(eps, eps)))


def rarely(lanes: Lanes, rare: Value, usual: list[Value], otherwise: Callable[[], list[Value]]) -> list[Value]:
    """``usual``, but in the lanes where ``rare`` holds what ``otherwise`` emits, in a block that is seldom entered.

    A lane's result does not depend on what the other lanes made necessary.
    """
    builder = lanes.builder
    before = builder.block
    with builder.if_then(lanes.any(rare), likely=False):
        mixed = [lanes.select(rare, a, b) for a, b in zip(otherwise(), usual, strict=True)]
        inside = builder.block
    results = []
    for a, b in zip(mixed, usual, strict=True):
        joined = builder.phi(lanes.real)
        joined.add_incoming(a, inside)
        joined.add_incoming(b, before)
        results.append(joined)
    return results


def _squared(lanes: Lanes, v: Sequence[Value]) -> Value:
    total = lanes.mul(v[0], v[0])
    for a in v[1:]:
        total = lanes.fma(a, a, total)
    return total


def _outside(lanes: Lanes, squared: Value) -> Value:
    inside = lanes.both(lanes.less(lanes.number(_TINY), squared), lanes.less(squared, lanes.number(_HUGE)))
    return lanes.opposite(inside)


def _scaled(lanes: Lanes, v: Sequence[Value]) -> tuple[Value, Value, list[Value]]:
    """The largest modulus of a coordinate; a scale, which is 1 where that is 0, infinite or no number; v over it."""
    top = lanes.abs(v[0])
    for a in v[1:]:
        top = lanes.maximum(top, lanes.abs(a))
    ordinary = lanes.both(lanes.less(lanes.number(0.0), top), lanes.less(top, lanes.number(float("inf"))))
    scale = lanes.select(ordinary, top, lanes.number(1.0))
    return top, scale, [lanes.div(a, scale) for a in v]


def single_use_products(program: Program) -> frozenset[int]:
    """Products that a sum or difference may swallow, with one rounding in the place of two.

    Each is used once, and no jump of a function depends on the sum: where two products cancel to 0 in the batch
    arithmetic, they must do so here if a direction is derived from it.
    """
    uses = [0] * len(program.nodes)
    delicate = [False] * len(program.nodes)
    for _, place in program.outputs:
        uses[place] += 1
    for i, node in reversed(list(program)):
        for position, j in enumerate(node.args):
            uses[j] += 1
            delicate[j] = delicate[j] or delicate[i] or position in _JUMPS.get(node.op, ())
    found = set()
    for i, node in program:
        if node.op in ("add", "sub") and not delicate[i]:
            inside = [j for j in node.args if program.nodes[j].op == "mul" and uses[j] == 1]
            found.update(inside[:1])
    return frozenset(found)


class _Emitter:
    """The registers of the nodes that have been emitted; a vector is a list of them."""

    def __init__(self, lanes: Lanes, program: Program, inputs: Mapping[str, Value]) -> None:
        self.lanes, self.program, self.inputs = lanes, program, inputs
        self.fused = single_use_products(program)
        self.values: list[Any] = []
        for i, node in program:
            self.values.append(None if i in self.fused else self._node(node))

    def outputs(self) -> dict[str, Value]:
        return {name: self.values[i] for name, i in self.program.outputs}

    def _node(self, node: Node) -> Any:
        args = [self.values[i] for i in node.args]
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
            case "mul" | "div" | "neg" | "abs" | "sqrt":
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

    def _sum(self, node: Node, args: list[Value]) -> Value:
        """A sum or a difference, with a product that stands in it alone fused."""
        for position, i in enumerate(node.args):
            if i in self.fused:
                a, b = (self.values[j] for j in self.program.nodes[i].args)
                other = args[1 - position]
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
