"""Programs of vectors with the coordinates left open: what a kernel runs in loops instead of writing it out.

A map of many dimensions is given by two programs, its rule's and its loss's.  Here both become one: gradients are
put in their places, a gradient that lists the same formula for every coordinate is *rolled* into one formula of
vectors, and what remains are operations on every coordinate, sums over coordinates, and scalars.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from sam_theory.arithmetic import Program
from sam_theory.arithmetic._base import Field
from sam_theory.arithmetic._rows import Rows
from sam_theory.errors import InputError

#: operations on every coordinate, and on scalars
ELEMENTWISE = frozenset(
    ("add", "sub", "neg", "mul", "div", "ipow", "power", "sqrt", "abs", "sign", "select", "minimum", "maximum", "call")
)
#: from vectors to scalars; ``square`` is the sum of squares under a norm, whose range has to be watched
REDUCTIONS = frozenset(("sum", "square", "largest"))


class Irregular(Exception):
    """The programs have no common formula for all coordinates; the text says where."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation; ``size`` is the number of coordinates of its value, 0 for a scalar."""

    op: str
    args: tuple[int, ...]
    data: Hashable
    size: int


@dataclass(frozen=True)
class Rolled:
    """A step of a map as operations on whole vectors.

    Parameters
    ----------
    steps : tuple of Step
        ``input`` (a scalar, or a state vector), ``number`` (a Fraction), ``table`` (constants, one for each
        coordinate), ``matrix`` (the image under the matrix that ``data`` holds), ``factored`` (the gradient of a
        loss of two matrices), ``block`` and ``concat``, ELEMENTWISE, REDUCTIONS.
    outputs : dict
        The next state: places of its vectors.
    dimension : int
    parts : int
        In how many blocks a state may be cut; 1 where none is.
    """

    steps: tuple[Step, ...]
    outputs: Mapping[str, int]
    dimension: int
    parts: int


class Roll:
    """Collects the steps, each distinct one once."""

    def __init__(self, dimension: int) -> None:
        self.dimension, self.parts = dimension, 1
        self.steps: list[Step] = []
        self._known: dict[Step, int] = {}

    def emit(self, op: str, *args: int, data: Hashable = None, size: int | None = None) -> int:
        """The place of an operation, appended unless it is there already."""
        if size is None:
            size = max((self.steps[a].size for a in args), default=0)
        step = Step(op, args, data, size)
        place = self._known.setdefault(step, len(self.steps))
        if place == len(self.steps):
            self.steps.append(step)
        return place

    # -- elementwise, scalars collected in front of vectors ----------------------------------------------------
    def apply(self, op: str, args: Sequence[int], data: Hashable = None) -> int:
        """An elementwise operation: a vector's scalar factors are gathered, a division by a scalar is one of them."""
        sizes = {self.steps[a].size for a in args} - {0}
        if len(sizes) > 1:
            raise Irregular(f"vectors of dimensions {sorted(sizes)} are combined by '{op}'")
        if sizes and op in ("mul", "div", "neg"):
            return self._scaled(op, *args)
        return self.emit(op, *args, data=data)

    def _scaled(self, op: str, a: int, b: int | None = None) -> int:
        if b is None:
            factor, vector = self._factored(a)
            return self.emit("neg", vector) if factor is None else self.emit("mul", self.emit("neg", factor), vector)
        if self.steps[a].size and self.steps[b].size:
            return self.emit(op, a, b)
        if op == "div":
            if self.steps[b].size:
                return self.emit("div", a, b)
            a, b = self.emit("div", self.number(1), b), a
        if self.steps[a].size:
            a, b = b, a
        factor, vector = self._factored(b)
        a = a if factor is None else self.emit("mul", a, factor)
        step = self.steps[vector]
        if step.op == "mul" and self.steps[step.args[0]].op == "table" and self.fixed(a):
            # One product for all lanes where the scalar is common to them; the same bits where it is not.
            return self.emit("mul", self.emit("mul", a, step.args[0]), step.args[1])
        return self.emit("mul", a, vector)

    def fixed(self, a: int) -> bool:
        """Whether a value does not depend on the state."""
        step = self.steps[a]
        moving = step.op in REDUCTIONS or step.op == "factored" or (step.op == "input" and step.size > 0)
        return not moving and all(self.fixed(i) for i in step.args)

    def _factored(self, a: int) -> tuple[int | None, int]:
        """A vector as a scalar times a vector."""
        step = self.steps[a]
        if step.op == "mul" and not self.steps[step.args[0]].size:
            return step.args[0], step.args[1]
        return (self.number(-1), step.args[0]) if step.op == "neg" else (None, a)

    def number(self, value: Any) -> int:
        """A constant."""
        return self.emit("number", data=Fraction(value))

    def input(self, name: str, size: int = 0) -> int:
        """A scalar or, with a size, a state vector."""
        return self.emit("input", data=name, size=size)

    def norm(self, v: int) -> int:
        """‖v‖."""
        return self.emit("sqrt", self.emit("square", v, size=0))

    def unit(self, v: int, eps: int, normalisation: str) -> int:
        """v over its regularised norm."""
        square = self.emit("square", v, size=0)
        n = self.emit("sqrt", square)
        if self.steps[eps].data != 0:
            match normalisation:
                case "add":
                    n = self.emit("add", n, eps)
                case "max":
                    n = self.emit("maximum", n, eps)
                case _:
                    n = self.emit("sqrt", self.emit("add", square, self.emit("mul", eps, eps)))
        return self._scaled("div", v, n)


def rolled(program: Program, field: Field, dimension: int) -> Rolled:
    """A rule on a loss as operations on whole vectors.

    Parameters
    ----------
    program : Program
        The rule's: its inputs of kind ``v`` are the state.
    field : Field
        The loss.
    dimension : int

    Raises
    ------
    Irregular
        If a gradient has no common formula for its coordinates, or an operation is none of whole vectors.
    """
    roll = Roll(dimension)
    scope = _Scope(roll, program, field, {})
    places = [scope.vector(i) for _, i in program.outputs]
    names = [name for name, _ in program.outputs]
    return Rolled(tuple(roll.steps), dict(zip(names, places, strict=True)), dimension, roll.parts)


class _Scope:
    """A program and what its inputs stand for; its nodes are translated when they are asked for."""

    def __init__(self, roll: Roll, program: Program, field: Field | None, given: Mapping[str, int]) -> None:
        self.roll, self.program, self.field, self.given = roll, program, field, given
        self._values: dict[int, int] = {}
        self._rolled: dict[tuple[int, ...], int] = {}

    def vector(self, i: int) -> int:
        """The place of the value of node ``i``."""
        known = self._values.get(i)
        if known is None:
            known = self._values[i] = self._translate(i)
        return known

    def _translate(self, i: int) -> int:
        node, roll = self.program.nodes[i], self.roll
        data: Any = node.data
        match node.op:
            case "number":
                return roll.number(data)
            case "input":
                if data in self.given:
                    return self.given[data]
                return roll.input(data, roll.dimension if self.program.kinds[i] == "v" else 0)
            case "stack":
                return self._roll(node.args)
            case "component":
                raise Irregular("single coordinates of a vector are used")
            case "add" if self.program.kinds[i] == "s":
                return self._sum(i)
            case "call" if getattr(data[0], "expression", None) is not None:
                inner = data[0].program(data[1])
                return _Scope(roll, inner, None, {"z": self.vector(node.args[0])}).result()
        args = [self.vector(a) for a in node.args]
        return self._operation(node.op, args, data)

    def _operation(self, op: str, args: list[int], data: Any) -> int:
        roll = self.roll
        match op:
            case "dot":
                return roll.emit("sum", roll.apply("mul", args), size=0)
            case "norm":
                return roll.norm(args[0])
            case "unit":
                return roll.unit(args[0], args[1], data)
            case "largest":
                return roll.emit("largest", args[0], size=0)
            case "matmul":
                return roll.emit("matrix", args[0], data=data, size=len(data))
            case "each":
                return _Scope(roll, data, None, {f"a{j}": a for j, a in enumerate(args)}).result()
            case "block" | "concat":
                return self._blocks(op, args, data)
            case "grad" | "value":
                return self._field(op, args)
        if op not in ELEMENTWISE:
            raise Irregular(f"the operation '{op}' is none of whole vectors")
        return roll.apply(op, args, data)

    def _field(self, op: str, args: list[int]) -> int:
        if self.field is None:
            raise InputError("a gradient is asked for, but no loss is given")
        factored = getattr(self.field, "factored", None)
        if op == "grad" and factored is not None:
            return self.roll.emit("factored", args[0], data=factored, size=factored.dimension)
        program = self.field.gradient_program if op == "grad" else self.field.value_program
        given = {name: self.given[name] for name in self.given if name != "w"}
        return _Scope(self.roll, program, self.field, {**given, "w": args[0]}).result()

    def result(self) -> int:
        """The place of the only output."""
        return self.vector(self.program.outputs[0][1])

    def _blocks(self, op: str, args: list[int], data: Any) -> int:
        parts = data[1] if op == "block" else len(args)
        roll = self.roll
        whole = roll.steps[args[0]].size * (1 if op == "block" else parts)
        if whole != roll.dimension or whole % parts or roll.parts not in (1, parts) or parts < 2:
            raise Irregular("vectors are cut into blocks in more than one way")
        if op == "concat" and len({roll.steps[a].size for a in args}) > 1:
            raise Irregular("blocks of different dimensions are joined")
        roll.parts = parts
        return roll.emit(op, *args, data=data, size=whole // parts if op == "block" else whole)

    # -- rolling -----------------------------------------------------------------------------------------------
    def _roll(self, nodes: tuple[int, ...]) -> int:
        """One formula of vectors for the formulas of all coordinates."""
        if len(set(nodes)) == 1 and not self._depends(nodes[0]):
            return self.vector(nodes[0])
        known = self._rolled.get(nodes)
        if known is None:
            known = self._rolled[nodes] = self._alike(nodes)
        return known

    def _alike(self, nodes: tuple[int, ...]) -> int:
        first = [self.program.nodes[i] for i in nodes]
        op, data = first[0].op, cast(Any, first[0].data)
        if any(n.op != op or len(n.args) != len(first[0].args) for n in first):
            raise Irregular("its coordinates have different formulas")
        if op == "number":
            return self.roll.emit("table", data=tuple(n.data for n in first), size=len(nodes))
        if op == "component":
            source = {n.args[0] for n in first}
            if len(source) > 1 or [n.data for n in first] != list(range(len(nodes))):
                raise Irregular("its coordinates mix those of the state")
            vector = self.vector(source.pop())
            if self.roll.steps[vector].size != len(nodes):
                raise Irregular("its coordinates mix those of the state")
            return vector
        if op not in ELEMENTWISE or any(n.data != data for n in first):
            raise Irregular(f"its coordinates have different formulas, by '{op}'")
        args = [self._roll(tuple(n.args[j] for n in first)) for j in range(len(first[0].args))]
        if op == "call" and not isinstance(data[0], str):
            return _Scope(self.roll, data[0].program(data[1]), None, {"z": args[0]}).result()
        return self.roll.apply(op, args, data)

    def _depends(self, i: int) -> bool:
        """Whether a scalar is read off a vector by its coordinates."""
        stack, seen = [i], set()
        while stack:
            node = self.program.nodes[j := stack.pop()]
            if node.op == "component":
                return True
            if j not in seen:
                seen.add(j)
                stack.extend(a for a in node.args if self.program.kinds[a] == "s")
        return False

    def _sum(self, i: int) -> int:
        """A sum of scalars; one over all coordinates in order becomes a sum of a vector."""
        node = self.program.nodes[i]
        if not self._depends(i):
            return self.roll.apply("add", [self.vector(a) for a in node.args])
        terms, spine = [], i
        while self.program.nodes[spine].op == "add":
            spine, last = self.program.nodes[spine].args
            terms.append(last)
        terms.append(spine)
        return self.roll.emit("sum", self._roll(tuple(reversed(terms))), size=0)


#: Operations that a rotation of all vectors passes through, besides sums of products: scalars combine them.
_EQUIVARIANT = frozenset(("input", "matrix", "add", "sub", "neg", "mul", "div", "select"))


def diagonalised(program: Rolled) -> tuple[Rolled, Rows] | None:
    """A program with one symmetric matrix, in its eigenbasis, and the matrix; None where there is no such form.

    The steps have to commute with rotations: vectors are only combined by scalars and meet in inner products and
    norms.

    Raises
    ------
    Irregular
        If vectors are multiplied by a matrix in a program that a rotation would change.
    """
    steps = program.steps
    matrices = {id(step.data): step.data for step in steps if step.op == "matrix"}
    if not matrices:
        return None
    rows: Any = next(iter(matrices.values()))
    if len(matrices) > 1 or not isinstance(rows, Rows) or not (rows.floats == rows.floats.T).all():
        raise Irregular("its gradient has other matrices than one symmetric one")
    for i, step in enumerate(steps):
        vectors = [a for a in step.args if steps[a].size]
        if step.op in REDUCTIONS:
            if step.op == "largest":
                raise Irregular("a rotation changes the largest coordinate")
        elif step.size and step.op == "mul" and len(vectors) == 2:
            if any(i in other.args and other.op != "sum" for other in steps) or i in program.outputs.values():
                raise Irregular("a rotation changes products of coordinates")
        elif (step.size or vectors) and (step.op not in _EQUIVARIANT or any(steps[a].size for a in _conditions(step))):
            raise Irregular(f"a rotation changes the operation '{step.op}' of coordinates")
    roll = Roll(program.dimension)
    values: Any = rows.spectrum[0]
    spectrum = roll.emit("table", data=tuple(map(Fraction, values.tolist())), size=program.dimension)
    places: list[int] = []
    for step in steps:
        args = [places[a] for a in step.args]
        if step.op == "matrix":
            places.append(roll.apply("mul", [spectrum, args[0]]))
        elif step.op in ELEMENTWISE:
            places.append(roll.apply(step.op, args, step.data))
        else:
            places.append(roll.emit(step.op, *args, data=step.data, size=step.size))
    outputs = {name: places[i] for name, i in program.outputs.items()}
    return Rolled(tuple(roll.steps), outputs, program.dimension, 1), rows


def _conditions(step: Step) -> tuple[int, ...]:
    """Arguments that must be scalars for a rotation to pass."""
    return step.args[:2] if step.op == "select" else step.args[1:] if step.op == "div" else ()
