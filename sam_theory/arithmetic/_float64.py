"""Batches of float64 on NumPy: the reference for everything that is simulated.

A vector is an array of shape (d, *batch), a scalar an array that broadcasts to ``batch``.  Sums over
coordinates run in a fixed order, element by element, so a result does not depend on the batch around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from sam_theory.arithmetic._base import Arithmetic
from sam_theory.arithmetic._compile import OPERATORS
from sam_theory.arithmetic._program import Program, as_float
from sam_theory.arithmetic._rows import Rows
from sam_theory.errors import InputError

_LOG2 = float(np.log(2.0))


def _log_cosh(z: Any) -> Any:
    a = np.abs(z)
    small = np.log1p(2.0 * np.sinh(0.5 * np.minimum(a, 1.0)) ** 2)
    return np.where(a < 1.0, small, a + np.log1p(np.exp(-2.0 * a)) - _LOG2)


def _sqrt1p_slope(z: Any) -> Any:
    return np.where(np.isinf(z), np.sign(z), np.asarray(z) / np.hypot(1.0, z))


def _squared(v: Any) -> Any:
    """‖v‖², summed in the order of :meth:`Float64.dot`."""
    squares = v * v
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return total


def _common(a: Any, b: Any) -> tuple[int, ...]:
    return np.broadcast_shapes(np.shape(a), np.shape(b))


class Float64(Arithmetic):
    """float64 in batches."""

    name = "float64"
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "exp": np.exp,
        "log": np.log,
        "sin": np.sin,
        "cos": np.cos,
        "tan": np.tan,
        "atan": np.arctan,
        "sinh": np.sinh,
        "cosh": np.cosh,
        "tanh": np.tanh,
        "log_cosh": _log_cosh,
        "sqrt1p": lambda z: np.hypot(1.0, z),
        "sqrt1p_slope": _sqrt1p_slope,
    }

    def __init__(self) -> None:
        # Converted once for each matrix; the matrix is kept so that its id stays its own.
        self._matrices: dict[int, tuple[object, Any]] = {}

    fixed_numbers: ClassVar[bool] = True
    inline: ClassVar[Mapping[str, str]] = {
        **OPERATORS,
        **{f"call {(name, 0)}": f"_{name}({{}})" for name in functions},
        "div": "_divide({}, {})",
        "sqrt": "_sqrt({})",
        "ipow 3": "{0} * ({0} * {0})",
        "minimum": "_minimum({}, {})",
        "maximum": "_maximum({}, {})",
        "as_vector": "{0} if {0}.__class__ is _array and {0}.ndim >= {1}.ndim else arithmetic.as_vector({0}, {1})",
        "select True": "_where({0} < {1}, {2}, {3})",
        "select False": "_where({0} <= {1}, {2}, {3})",
    }
    scope: ClassVar[Mapping[str, Any]] = {
        **{f"_{name}": function for name, function in functions.items()},
        "_divide": np.true_divide,
        "_sqrt": np.sqrt,
        "_where": np.where,
        "_minimum": np.minimum,
        "_maximum": np.maximum,
        "_array": np.ndarray,
    }

    def number(self, value: Fraction) -> Any:
        return as_float(value)

    def div(self, a: Any, b: Any) -> Any:
        return np.true_divide(a, b)

    def power(self, a: Any, exponent: Any) -> Any:
        return np.power(np.asarray(a, dtype=float), exponent)

    def ipow(self, a: Any, exponent: int) -> Any:
        # Products, not pow: pow differs between scalars and SIMD lanes in the last place.
        if exponent == 0:
            return 1.0 + 0.0 * a
        result: Any = None
        base, n = a, abs(exponent)
        while n:
            if n & 1:
                result = base if result is None else result * base
            n >>= 1
            base = base * base if n else base
        return result if exponent > 0 else np.true_divide(1.0, result)

    def sqrt(self, a: Any) -> Any:
        return np.sqrt(a)

    def sign(self, a: Any) -> Any:
        return np.sign(a)

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        return np.where(a < b if strict else a <= b, then, otherwise)

    def stack(self, scalars: Sequence[Any]) -> Any:
        if len(scalars) == 1:
            return np.asarray(scalars[0], dtype=float)[None]
        try:
            return np.array(scalars, dtype=float)
        except ValueError:  # they differ in shape
            batch = np.broadcast_shapes(*map(np.shape, scalars))
        stacked = np.empty((len(scalars), *batch))
        for i, a in enumerate(scalars):
            stacked[i] = a
        return stacked

    def block(self, v: Any, i: int, parts: int) -> Any:
        size, rest = divmod(len(v), parts)
        if rest:
            raise InputError(f"a state of dimension {len(v)} cannot be cut into {parts} equal blocks")
        return v[i * size : (i + 1) * size]

    def concat(self, blocks: Sequence[Any]) -> Any:
        if len({b.shape[1:] for b in blocks}) == 1:
            return np.concatenate(blocks)
        batch = np.broadcast_shapes(*(b.shape[1:] for b in blocks))
        return np.concatenate([np.broadcast_to(b, (len(b), *batch)) for b in blocks])

    def each(self, args: Sequence[Any], program: Program) -> Any:
        # Scalars of shape (*batch) broadcast against vectors of shape (d, *batch).
        vector = max(args, key=np.ndim)
        result = self.run(program, {f"a{j}": a for j, a in enumerate(args)})["result"]
        return result if np.shape(result) == np.shape(vector) else np.broadcast_to(result, _common(result, vector))

    def largest(self, v: Any) -> Any:
        return np.max(np.abs(v), axis=0)

    def dot(self, u: Any, v: Any) -> Any:
        total = u[0] * v[0]
        for i in range(1, len(u)):
            total = total + u[i] * v[i]
        return total

    def norm(self, v: Any) -> Any:
        # Scaled by the largest coordinate, so that tiny and huge gradients keep their direction.
        if len(v) == 1:
            return np.abs(v[0])
        top = np.maximum.reduce(np.abs(v))
        ordinary = (top > 0) & (top < np.inf)
        scale = top if ordinary.all() else np.where(ordinary, top, 1.0)
        scaled = v / scale
        return scale * np.sqrt(_squared(scaled))

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        plain = np.ndim(eps) == 0 and eps == 0
        if plain and len(v) == 1:
            return np.sign(v) + 0.0 * v  # the sign of what is finite, else no number
        size = np.abs(v)
        top = np.maximum.reduce(size)
        ordinary = (top > 0) & (top < np.inf)
        common = bool(ordinary.all())
        scale = top if common else np.where(ordinary, top, 1.0)
        scaled = v / scale
        n = np.abs(scaled[0]) if len(v) == 1 else np.sqrt(_squared(scaled))
        denominator = n if plain else self.regularised(n, np.asarray(eps, dtype=float) / scale, normalisation)
        if common:
            return scaled / denominator
        return np.where(top == 0, 0.0, scaled / np.where(top == 0, 1.0, denominator))

    def is_zero(self, a: Any) -> bool:
        return bool(np.ndim(a) == 0 and a == 0)

    def as_vector(self, gradient: Any, v: Any) -> Any:
        if isinstance(gradient, np.ndarray) and gradient.ndim >= np.ndim(v):
            return gradient
        g = np.asarray(gradient)
        return g.reshape(g.shape + (1,) * (np.ndim(v) - g.ndim)) if g.ndim < np.ndim(v) else g

    def matmul(self, matrix: tuple[tuple[Fraction, ...], ...], v: Any) -> Any:
        columns = self._entries(matrix)
        shape = (len(columns), *(1,) * (np.ndim(v) - 1))
        total = columns[:, 0].reshape(shape) * v[0]
        for j in range(1, columns.shape[1]):
            total = total + columns[:, j].reshape(shape) * v[j]
        return total

    def _entries(self, matrix: tuple[tuple[Fraction, ...], ...]) -> Any:
        if isinstance(matrix, Rows):
            return matrix.floats
        known = self._matrices.get(id(matrix))
        if known is None:
            known = self._matrices[id(matrix)] = (matrix, Rows(matrix).floats)
        return known[1]
