"""Straight-line programs: what a rule, a loss or a formula becomes once it has been traced.

A program is a tuple of nodes over a closed set of operations.  Each arithmetic gives every operation one
meaning (:mod:`sam_theory.arithmetic._base`); nothing else in the package knows how a formula is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sam_theory.errors import InputError

#: operation -> kinds of the arguments: s scalar, v vector, x either (all x of one node agree), * any number of one
#: kind, ? any number of both kinds with a vector among them.
OPERATIONS: dict[str, str] = {
    "number": "",
    "input": "",
    "add": "xx",
    "sub": "xx",
    "neg": "x",
    "mul": "sx",
    "div": "xs",
    "ipow": "s",
    "power": "ss",
    "sqrt": "s",
    "abs": "s",
    "sign": "s",
    "select": "ssxx",
    "call": "s",
    "dot": "vv",
    "norm": "v",
    "unit": "vs",
    "matmul": "v",
    "component": "v",
    "block": "v",
    "stack": "*s",
    "concat": "*v",
    "each": "?",
    "largest": "v",
    "grad": "v",
    "sample": "vs",
    "value": "v",
}

#: The three normalisations of a gradient found in implementations: ‖g‖+ε, max(‖g‖,ε), √(‖g‖²+ε²).
NORMALISATIONS = ("add", "max", "quadrature")

_VECTOR_RESULT = {"unit", "matmul", "block", "concat", "stack", "each", "grad", "sample"}


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: its name, the positions of its arguments and its constant data."""

    op: str
    args: tuple[int, ...] = ()
    data: Hashable = None


def _shape(node: Node) -> str:
    """How an interpreter takes an operation: decided once for each program, not at each of its runs."""
    if node.op in ("input", "number"):
        return node.op
    if node.op in ("stack", "concat"):
        return "list"
    if node.op in ("grad", "value", "sample"):
        return "field"
    if node.data is None:
        return "binary" if len(node.args) == 2 else "unary"
    return "indexed" if node.op in ("ipow", "component") else "other"


@dataclass(frozen=True, slots=True)
class Program:
    """A straight-line program with named inputs and named outputs."""

    nodes: tuple[Node, ...]
    kinds: tuple[str, ...]
    outputs: tuple[tuple[str, int], ...]
    #: The nodes as plain tuples, for interpreters: reading three attributes of every node costs more than most sums.
    plan: tuple[tuple[str, str, tuple[int, ...], Any], ...] = field(init=False, repr=False, compare=False)

    #: How often each class of arithmetics has interpreted the program, and the code of those that did so often.
    runs: dict[type, int] = field(init=False, repr=False, compare=False, default_factory=dict)
    functions: dict[Hashable, Callable[..., Any]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plan", tuple((_shape(n), n.op, n.args, n.data) for n in self.nodes))

    def __reduce__(self) -> Any:
        return Program, (self.nodes, self.kinds, self.outputs)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs in order of first use."""
        return tuple(str(n.data) for n in self.nodes if n.op == "input")

    def __iter__(self) -> Iterator[tuple[int, Node]]:
        return iter(enumerate(self.nodes))

    def text(self) -> str:
        """The program in words, the same in every process: equal for two programs only if they compute the same."""
        lines = [f"{n.op}({','.join(map(str, n.args))}){_spelled(n.data)}" for n in self.nodes]
        return "; ".join([*lines, *(f"{name}={place}" for name, place in self.outputs)])


def _spelled(data: Any) -> str:
    """The constant data of a node: a function is told by its definition, not by its name."""
    if isinstance(data, tuple):
        return f"({','.join(map(_spelled, data))})"
    return f"[{data.text()}]" if isinstance(data, Program) else str(getattr(data, "definition", repr(data)))


class Builder:
    """Collects nodes, each distinct one once, and checks the kinds of their arguments."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.kinds: list[str] = []
        self._index: dict[Node, int] = {}

    def emit(self, op: str, *args: int, data: Hashable = None, kind: str | None = None) -> int:
        """Append ``op`` (or find it) and return its position."""
        node = Node(op, args, data)
        known = self._index.get(node)
        if known is not None:
            return known
        result = kind or self._kind(op, args)
        self.nodes.append(node)
        self.kinds.append(result)
        self._index[node] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def _kind(self, op: str, args: tuple[int, ...]) -> str:
        pattern = OPERATIONS[op]
        if pattern == "?":
            if all(self.kinds[arg] != "v" for arg in args):
                raise InputError(f"operation '{op}' takes a vector among its arguments")
            return "v"
        if pattern.startswith("*"):
            pattern = pattern[1] * len(args)
        either = ""
        for wanted, arg in zip(pattern, args, strict=True):
            have = self.kinds[arg]
            if wanted == "x":
                either = either or have
                wanted = either
            if have != wanted:
                words = {"s": "a number", "v": "a vector"}
                raise InputError(
                    f"operation '{op}' takes {words[wanted]} where {words[have]} is given; "
                    "use dot, norm or scaling to mix the two"
                )
        return either or ("v" if op in _VECTOR_RESULT else "s")

    def finish(self, outputs: Mapping[str, int]) -> Program:
        """Close the program, keeping only the nodes that an output needs."""
        needed: set[int] = set()
        stack = list(outputs.values())
        while stack:
            i = stack.pop()
            if i not in needed:
                needed.add(i)
                stack.extend(self.nodes[i].args)
        order = sorted(needed)
        place = {old: new for new, old in enumerate(order)}
        nodes = tuple(
            Node(self.nodes[i].op, tuple(place[a] for a in self.nodes[i].args), self.nodes[i].data) for i in order
        )
        kinds = tuple(self.kinds[i] for i in order)
        return Program(nodes, kinds, tuple((name, place[i]) for name, i in outputs.items()))


def as_fraction(value: Any) -> Fraction:
    """``value`` as an exact rational; a float is taken at its exact binary value."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (int, float)):
        return Fraction(value)
    if getattr(value, "is_Rational", False):
        return Fraction(int(value.p), int(value.q))
    raise InputError(f"{value!r} is not a number; give an int, a float or a Fraction")


def as_float(value: Fraction) -> float:
    """The nearest float; raises InputError for a constant beyond float64."""
    try:
        return float(value)
    except OverflowError:
        raise InputError("a constant of the formula exceeds the range of float64; rescale the problem") from None


class Traced:
    """A value inside a program under construction: operators append nodes."""

    __slots__ = ("builder", "index")
    __array_ufunc__ = None

    def __init__(self, builder: Builder, index: int) -> None:
        self.builder = builder
        self.index = index

    @property
    def kind(self) -> str:
        """``s`` for a scalar, ``v`` for a vector."""
        return self.builder.kinds[self.index]

    def lift(self, value: Any) -> Traced:
        """``value`` as a traced value of the same builder."""
        if isinstance(value, Traced):
            return value
        return Traced(self.builder, self.builder.emit("number", data=as_fraction(value)))

    def emit(self, op: str, *args: Traced, data: Hashable = None) -> Traced:
        """Append one operation on traced values."""
        return Traced(self.builder, self.builder.emit(op, *(a.index for a in args), data=data))

    def __add__(self, other: Any) -> Traced:
        if _is_zero(other):
            return self
        return self.emit("add", self, self.lift(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Traced:
        if _is_zero(other):
            return self
        return self.emit("sub", self, self.lift(other))

    def __rsub__(self, other: Any) -> Traced:
        if _is_zero(other):
            return -self
        return self.emit("sub", self.lift(other), self)

    def __neg__(self) -> Traced:
        return self.emit("neg", self)

    def __mul__(self, other: Any) -> Traced:
        right = self.lift(other)
        if self.kind == "v" and right.kind == "s":
            return self.emit("mul", right, self)
        return self.emit("mul", self, right)

    def __rmul__(self, other: Any) -> Traced:
        return self.emit("mul", self.lift(other), self)

    def __truediv__(self, other: Any) -> Traced:
        return self.emit("div", self, self.lift(other))

    def __rtruediv__(self, other: Any) -> Traced:
        return self.emit("div", self.lift(other), self)

    def __abs__(self) -> Traced:
        return self.emit("abs", self)

    def __pow__(self, exponent: Any) -> Traced:
        if isinstance(exponent, int):
            return self.emit("ipow", self, data=exponent)
        return self.emit("power", self, self.lift(exponent))


def _is_zero(value: Any) -> bool:
    return isinstance(value, (int, Fraction)) and value == 0
