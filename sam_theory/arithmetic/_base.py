"""What every arithmetic shares: the table of operations and the interpreter of programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar, Protocol

from sam_theory.arithmetic._compile import Bind, bound, compiled, missing_field, missing_input, sample_program
from sam_theory.arithmetic._program import NORMALISATIONS, Program
from sam_theory.errors import InputError

#: interpreted runs of a program after which compiling it pays
_OFTEN = 32


class NotExact(ArithmeticError):
    """The value exists but is not rational: use balls or floats, or a state of rational norm."""


class Undecided(ArithmeticError):
    """A ball contains 0 under a norm, a sign or a comparison: split the region or raise the precision."""


class HasDerivatives(Protocol):
    """Anything a ``call`` node may name besides an elementary function: a link ℓ with its derivatives."""

    name: str

    def evaluate(self, order: int, argument: Any, arithmetic: Arithmetic) -> Any:
        """ℓ^(order)(argument) in ``arithmetic``."""
        ...

    def function(self, order: int) -> Any:
        """The SymPy function ℓ^(order)."""
        ...


class Field(Protocol):
    """What a program needs to know of a loss: its value and gradient as programs of the state ``w``."""

    value_program: Program
    gradient_program: Program
    #: the gradient of one sample, of the state ``w`` and its number ``sample``; None where there are no samples
    sample_program: Program | None


class Coordinates:
    """A vector as a tuple of coordinates of one arithmetic."""

    __slots__ = ("values",)
    __array_ufunc__ = None

    def __init__(self, values: Iterable[Any]) -> None:
        self.values = tuple(values)

    def __len__(self) -> int:
        return len(self.values)

    def __iter__(self) -> Any:
        return iter(self.values)

    def __getitem__(self, i: int) -> Any:
        return self.values[i]

    def __repr__(self) -> str:
        return f"Coordinates({list(self.values)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Coordinates) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def _pair(self, other: Any) -> Any:
        if not isinstance(other, Coordinates) or len(other) != len(self):
            raise InputError(f"a vector of dimension {len(self)} is combined with {other!r}")
        return zip(self.values, other.values, strict=True)

    def __add__(self, other: Any) -> Coordinates:
        return Coordinates([a + b for a, b in self._pair(other)])

    def __sub__(self, other: Any) -> Coordinates:
        return Coordinates([a - b for a, b in self._pair(other)])

    def __neg__(self) -> Coordinates:
        return Coordinates([-a for a in self.values])

    def __mul__(self, scalar: Any) -> Coordinates:
        return Coordinates([a * scalar for a in self.values])

    __rmul__ = __mul__

    def __truediv__(self, scalar: Any) -> Coordinates:
        return Coordinates([a / scalar for a in self.values])


class Arithmetic:
    """One meaning for every operation of a program.

    The defaults use Python's operators and tuples of coordinates; a concrete arithmetic overrides what
    differs.  ``exact`` says whether results are free of rounding.
    """

    name: ClassVar[str] = "abstract"
    exact: bool = False
    #: whether ``number`` depends on its argument alone, so that a compiled program holds its constants
    fixed_numbers: ClassVar[bool] = False
    #: Python expressions that give what the method of an operation gives (``op data`` for one value of the data);
    #: ``scope`` has the functions that they name
    inline: ClassVar[Mapping[str, str]] = {}
    scope: ClassVar[Mapping[str, Any]] = {}
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    # -- scalars -----------------------------------------------------------------------------------------
    def number(self, value: Fraction) -> Any:
        """The constant ``value``."""
        raise InputError(f"the arithmetic '{self.name}' has no constants")

    def add(self, a: Any, b: Any) -> Any:
        """a + b, for two scalars or two vectors."""
        return a + b

    def sub(self, a: Any, b: Any) -> Any:
        """a − b."""
        return a - b

    def neg(self, a: Any) -> Any:
        """−a."""
        return -a

    def mul(self, a: Any, b: Any) -> Any:
        """Scalar times scalar or vector."""
        return b * a if isinstance(b, Coordinates) else a * b

    def div(self, a: Any, b: Any) -> Any:
        """Scalar or vector over a scalar."""
        return a / b

    def ipow(self, a: Any, exponent: int) -> Any:
        """a to a constant integer power."""
        return a**exponent

    def power(self, a: Any, exponent: Any) -> Any:
        """a to a power known only when the program runs (an integer in exact arithmetics)."""
        return a**exponent

    def sqrt(self, a: Any) -> Any:
        """The nonnegative square root."""
        raise InputError(f"the arithmetic '{self.name}' has no square root")

    def sign(self, a: Any) -> Any:
        """−1, 0 or 1."""
        raise InputError(f"the arithmetic '{self.name}' has no sign")

    def abs(self, a: Any) -> Any:
        """|a|."""
        return abs(a)

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        """``then`` where a < b (a ≤ b unless ``strict``), else ``otherwise``."""
        return then if (a < b if strict else a <= b) else otherwise

    def minimum(self, a: Any, b: Any) -> Any:
        """The smaller of two scalars."""
        return self.select(a, b, a, b, True)

    def maximum(self, a: Any, b: Any) -> Any:
        """The larger of two scalars."""
        return self.select(a, b, b, a, True)

    def call(self, function: str | HasDerivatives, order: int, a: Any) -> Any:
        """An elementary function by name (order 0), or a derivative of a link."""
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        try:
            implementation = self.functions[function]
        except KeyError:
            raise InputError(f"the arithmetic '{self.name}' does not know the function {function}") from None
        return implementation(a)

    # -- vectors -----------------------------------------------------------------------------------------
    def stack(self, scalars: Sequence[Any]) -> Any:
        """A vector from its coordinates."""
        return Coordinates(scalars)

    def component(self, v: Any, i: int) -> Any:
        """Coordinate ``i`` of a vector."""
        if not 0 <= i < len(v):
            raise InputError(f"coordinate {i} (from 0) of a vector of dimension {len(v)}")
        return v[i]

    def block(self, v: Any, i: int, parts: int) -> Any:
        """Block ``i`` of a vector cut into ``parts`` equal blocks."""
        size, rest = divmod(len(v), parts)
        if rest:
            raise InputError(f"a state of dimension {len(v)} cannot be cut into {parts} equal blocks")
        return Coordinates(v[j] for j in range(i * size, (i + 1) * size))

    def concat(self, blocks: Sequence[Any]) -> Any:
        """A vector from its blocks."""
        return Coordinates(a for b in blocks for a in b)

    def each(self, args: Sequence[Any], program: Program) -> Any:
        """A program of scalars on every coordinate: vectors give their own, scalars are the same for all."""
        size = len(next(a for a in args if isinstance(a, Coordinates)))
        if any(isinstance(a, Coordinates) and len(a) != size for a in args):
            raise InputError("vectors of different dimensions are combined coordinate by coordinate")

        def at(i: int) -> Any:
            env = {f"a{j}": a[i] if isinstance(a, Coordinates) else a for j, a in enumerate(args)}
            return self.run(program, env)["result"]

        return Coordinates(at(i) for i in range(size))

    def largest(self, v: Any) -> Any:
        """The largest modulus of a coordinate."""
        first, *others = (self.abs(a) for a in v)
        for a in others:
            first = self.select(first, a, a, first, True)
        return first

    def dot(self, u: Any, v: Any) -> Any:
        """The inner product, summed in a fixed order."""
        total = None
        for a, b in zip(u, v, strict=True):
            term = self.mul(a, b)
            total = term if total is None else self.add(total, term)
        return self.number(Fraction(0)) if total is None else total

    def norm(self, v: Any) -> Any:
        """The Euclidean norm."""
        if len(v) == 1:
            return self.abs(v[0])
        return self.sqrt(self.dot(v, v))

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        """v over its (regularised) norm; the unit vector of 0 is 0."""
        n = self.norm(v)
        if self.is_zero(n):
            return self.mul(self.number(Fraction(0)), v)
        return self.div(v, self.regularised(n, eps, normalisation))

    def regularised(self, n: Any, eps: Any, normalisation: str) -> Any:
        """‖g‖+ε, max(‖g‖, ε) or √(‖g‖²+ε²)."""
        if normalisation not in NORMALISATIONS:
            raise InputError(f"unknown normalisation {normalisation!r}; one of {', '.join(NORMALISATIONS)}")
        if self.is_zero(eps):
            return n
        if normalisation == "add":
            return self.add(n, eps)
        if normalisation == "max":
            return self.select(n, eps, eps, n, True)
        return self.sqrt(self.add(self.mul(n, n), self.mul(eps, eps)))

    def hull(self, a: Any, b: Any) -> Any:
        """The least set of this arithmetic that contains both; only enclosures have one."""
        raise InputError(f"the arithmetic '{self.name}' does not enclose")

    def is_zero(self, a: Any) -> bool:
        """Whether a scalar is certainly 0."""
        return bool(a == 0)

    def matmul(self, matrix: tuple[tuple[Fraction, ...], ...], v: Any) -> Any:
        """A constant matrix times a vector, each row summed in order."""
        rows = [Coordinates(self.number(as_entry) for as_entry in row) for row in matrix]
        return Coordinates(self.dot(row, v) for row in rows)

    # -- losses ------------------------------------------------------------------------------------------
    def grad(self, field: Field, v: Any, env: Mapping[str, Any]) -> Any:
        """∇L at ``v``."""
        return self.as_vector(self.run(field.gradient_program, {**env, "w": v}, field)["result"], v)

    def value(self, field: Field, v: Any, env: Mapping[str, Any]) -> Any:
        """L at ``v``."""
        return self.run(field.value_program, {**env, "w": v}, field)["result"]

    def sample(self, field: Field, v: Any, number: Any, env: Mapping[str, Any]) -> Any:
        """The gradient at ``v`` of the sample with this number (from 0) of a finite sum."""
        program = sample_program(field)
        return self.as_vector(self.run(program, {**env, "w": v, "sample": number}, field)["result"], v)

    def as_vector(self, gradient: Any, v: Any) -> Any:
        """A gradient at ``v`` in the form of ``v``: one that does not depend on the state may lack its batch."""
        return gradient

    # -- the interpreter ---------------------------------------------------------------------------------
    def run(self, program: Program, env: Mapping[str, Any], field: Field | None = None) -> dict[str, Any]:
        """Evaluate ``program``; ``env`` gives its inputs, ``field`` the loss behind grad and value.

        Raises InputError if an input is missing, NotExact or Undecided where this arithmetic ends.
        """
        kind: Any = type(self)
        known = program.functions.get(kind)
        if known is not None:
            return known(self, env, field)
        runs = program.runs[kind] = program.runs.get(kind, 0) + 1
        if runs == _OFTEN:
            program.functions[kind] = compiled(program, self)
        values: list[Any] = []
        keep = values.append
        for shape, op, places, data in program.plan:
            if shape == "binary":
                keep(getattr(self, op)(values[places[0]], values[places[1]]))
            elif shape == "input":
                if data not in env:
                    raise missing_input(data)
                keep(env[data])
            elif shape == "unary":
                keep(getattr(self, op)(values[places[0]]))
            elif shape == "number":
                keep(self.number(data))
            elif shape == "indexed":
                keep(getattr(self, op)(values[places[0]], data))
            elif shape == "list":
                keep(getattr(self, op)([values[i] for i in places]))
            elif shape == "field":
                if field is None:
                    raise missing_field()
                keep(getattr(self, op)(field, *[values[i] for i in places], env))
            else:
                keep(self._with_data(op, [values[i] for i in places], data))
        return {name: values[i] for name, i in program.outputs}

    def binder(self, program: Program, field: Field | None, varying: tuple[str, ...]) -> Bind:
        """``bind(arithmetic, env)``: ``program`` as a function of the inputs ``varying``, for loops.

        What depends on ``env`` alone is computed once, when it is bound.  Raises InputError if there is no loss, and,
        when it is bound or run, if an input is missing.
        """
        parts = () if field is None else (field.value_program, field.gradient_program, field.sample_program)
        key = (type(self), varying, *parts)
        if key not in program.functions:
            program.functions[key] = bound(program, self, field, varying)
        return program.functions[key]

    def _with_data(self, op: str, args: list[Any], data: Any) -> Any:
        """The value of an operation that has constant data."""
        match op:
            case "call":
                return self.call(data[0], data[1], args[0])
            case "select":
                a, b, then, otherwise = args
                return self.select(a, b, then, otherwise, data)
            case "block":
                return self.block(args[0], *data)
            case "each":
                return self.each(args, data)
            case "matmul":
                return self.matmul(data, args[0])
            case _:
                return getattr(self, op)(*args, data)
