"""Programs under construction that simplify themselves: each node is made in its cheapest form.

Every rewrite is true of real numbers, and of floats up to a rounding.  It keeps what is 0 and what is no number as
long as nothing overflows or underflows; where something does, the rewritten form may know better.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from fractions import Fraction
from typing import Any

from sam_theory.arithmetic import Builder, Node
from sam_theory.arithmetic._python import PYTHON_FUNCTIONS
from sam_theory.errors import InputError
from sam_theory.kernels._signs import EVEN, ODD, Signs

Rewrite = Callable[..., int | None]

#: Operations of a flat program.
FLAT = frozenset(
    "number input add sub neg mul div ipow power sqrt abs sign select call norm unit component stack".split()
)

#: Constants are folded as exact fractions up to this many bits.
_BITS = 256

#: Constants are multiplied with each other if the product lies within 2 to this power.
_RANGE = 1000


class Graph:
    """Nodes of a flat program, each distinct one once and each simplified as it is made.

    Vectors are no nodes of their own to whoever builds: they are tuples of scalars.

    Parameters
    ----------
    double : bool
        Whether sin z cos z becomes ½ sin 2z, which pays unless one of the two is needed besides.
    """

    def __init__(self, double: bool = False) -> None:
        self.double = double
        self.builder = Builder()
        self.signs = Signs(self.builder.nodes)

    # -- what is there -----------------------------------------------------------------------------------
    def node(self, i: int) -> Node:
        """Node ``i``."""
        return self.builder.nodes[i]

    def constant(self, i: int) -> Fraction | None:
        """The value of node ``i`` if it is a number."""
        node = self.builder.nodes[i]
        return node.data if node.op == "number" and isinstance(node.data, Fraction) else None

    def is_a(self, i: int, op: str, data: Hashable = None) -> bool:
        """Whether node ``i`` is this operation (with this data)."""
        node = self.builder.nodes[i]
        return node.op == op and (data is None or node.data == data)

    # -- building ----------------------------------------------------------------------------------------
    def number(self, value: Fraction | int) -> int:
        """A constant."""
        return self.builder.emit("number", data=Fraction(value))

    def input(self, name: str) -> int:
        """A scalar input."""
        return self.builder.emit("input", data=name, kind="s")

    def make(self, op: str, *args: int, data: Hashable = None) -> int:
        """The value of an operation on scalars, in its simplest form."""
        folded = self._folded(op, args, data)
        if folded is not None:
            return folded
        rewrite: Rewrite | None = getattr(self, f"_{op}", None)
        if rewrite is not None:
            found = rewrite(*args) if data is None else rewrite(*args, data)
            if found is not None:
                return found
        if op in ("add", "mul"):
            args = tuple(sorted(args))
        return self.builder.emit(op, *args, data=data)

    def norm(self, v: tuple[int, ...]) -> int:
        """‖v‖."""
        return self.make("abs", v[0]) if len(v) == 1 else self.builder.emit("norm", self.builder.emit("stack", *v))

    def unit(self, v: tuple[int, ...], eps: int, normalisation: Hashable) -> tuple[int, ...]:
        """v over its regularised norm."""
        unit = self.builder.emit("unit", self.builder.emit("stack", *v), eps, data=normalisation)
        return tuple(self.builder.emit("component", unit, data=i) for i in range(len(v)))

    # -- constants ---------------------------------------------------------------------------------------
    def _folded(self, op: str, args: tuple[int, ...], data: Any) -> int | None:
        values = [self.constant(i) for i in args]
        known = [v for v in values if v is not None]
        if not args or len(known) < len(values):
            return None
        try:
            result = _value(op, known, data)
        except (ArithmeticError, ValueError):  # no number: left to the run
            return None
        if result is None or result.numerator.bit_length() + result.denominator.bit_length() > _BITS:
            return None
        return self.number(result)

    # -- one rewrite for each operation: None leaves it as it is -------------------------------------------
    def _add(self, a: int, b: int) -> int | None:
        if self.constant(a) == 0 or self.constant(b) == 0:
            return b if self.constant(a) == 0 else a
        if self.is_a(a, "neg") and self.is_a(b, "neg"):
            return self.make("neg", self.make("add", self.node(a).args[0], self.node(b).args[0]))
        if self.is_a(b, "neg"):
            return self.make("sub", a, self.node(b).args[0])
        return self.make("sub", b, self.node(a).args[0]) if self.is_a(a, "neg") else None

    def _sub(self, a: int, b: int) -> int | None:
        if self.constant(b) == 0:
            return a
        if self.constant(a) == 0:
            return self.make("neg", b)
        if self.is_a(b, "neg"):
            return self.make("add", a, self.node(b).args[0])
        if self.is_a(a, "neg"):
            return self.make("neg", self.make("add", self.node(a).args[0], b))
        return None

    def _neg(self, a: int) -> int | None:
        node = self.node(a)
        if node.op == "neg":
            return node.args[0]
        return self.make("sub", node.args[1], node.args[0]) if node.op == "sub" else None

    def _mul(self, a: int, b: int) -> int | None:
        for first, other in ((a, b), (b, a)):
            c = self.constant(first)
            if c is None:
                continue
            if c == 0 and self.signs.total(other):
                return first
            if abs(c) == 1:
                return other if c == 1 else self.make("neg", other)
            for i, j in ((0, 1), (1, 0)) if self.is_a(other, "mul") else ():
                q = self.constant(self.node(other).args[i])
                if q is not None and (_exact(c) or _exact(q)) and 1 < abs(c * q) * 2**_RANGE < 4**_RANGE:
                    return self.make("mul", self.number(c * q), self.node(other).args[j])
        for first, other in ((a, b), (b, a)):
            if self.is_a(first, "neg"):
                return self.make("neg", self.make("mul", self.node(first).args[0], other))
        if a == b and self.is_a(a, "sqrt") and self.signs.nonnegative(self.node(a).args[0]):
            return self.node(a).args[0]
        return self._double_angle(a, b) if self.double else None

    def _double_angle(self, a: int, b: int) -> int | None:
        for first, second in ((self._parts(a), self._parts(b)), (self._parts(b), self._parts(a))):
            for i, sine in enumerate(first):
                node = self.node(sine)
                cosine = Node("call", node.args, ("cos", 0))
                for j, other in enumerate(second) if node.data == ("sin", 0) else ():
                    if self.node(other) == cosine:
                        twice = self.make("mul", self.number(2), *node.args)
                        result = self.make(
                            "mul", self.number(Fraction(1, 2)), self.make("call", twice, data=("sin", 0))
                        )
                        for k in (*first[:i], *first[i + 1 :], *second[:j], *second[j + 1 :]):
                            result = self.make("mul", k, result)
                        return result
        return None

    def _div(self, a: int, b: int) -> int | None:
        for first in (a, b):
            if self.is_a(first, "neg"):
                inside = self.node(first).args[0]
                return self.make("neg", self.make("div", inside, b) if first == a else self.make("div", a, inside))
        c = self.constant(b)
        if c and _exact(c):
            return self.make("mul", self.number(1 / c), a)
        if self.constant(a) == 0 and self.signs.positive(b):
            return a
        return self._tangent(a, b)

    def _tangent(self, a: int, b: int) -> int | None:
        """sinh z / cosh z in a quotient, as tanh z: no overflow, one function in the place of two."""
        above, below = self._parts(a), self._parts(b)
        for i, part in enumerate(above):
            node = self.node(part)
            if node.op != "call" or node.data != ("sinh", 0):
                continue
            for j, other in enumerate(below):
                if self.node(other) == Node("call", node.args, ("cosh", 0)):
                    top = self.make("call", *node.args, data=("tanh", 0))
                    for k in above[:i] + above[i + 1 :]:
                        top = self.make("mul", k, top)
                    rest = below[:j] + below[j + 1 :]
                    return self.make("div", top, *rest) if rest else top
        return None

    def _parts(self, i: int) -> tuple[int, ...]:
        return self.node(i).args if self.is_a(i, "mul") else (i,)

    def _ipow(self, a: int, exponent: int) -> int | None:
        node = self.node(a)
        if exponent == 0 and self.signs.total(a):
            return self.number(1)
        if exponent == 1:
            return a
        if exponent < 0:
            return self.make("div", self.number(1), self.make("ipow", a, data=-exponent))
        if node.op == "neg" or (node.op == "abs" and exponent % 2 == 0):
            power = self.make("ipow", node.args[0], data=exponent)
            return power if exponent % 2 == 0 else self.make("neg", power)
        if node.op == "sqrt" and exponent % 2 == 0 and self.signs.nonnegative(node.args[0]):
            return self.make("ipow", node.args[0], data=exponent // 2)
        return None

    def _power(self, a: int, b: int) -> int | None:
        """Whole and half exponents as products and roots."""
        e = self.constant(b)
        if e is None or e.denominator > 2 or abs(e) > 64:
            return None
        if e == 0:
            return self.number(1)  # also of what is no number
        if e.denominator == 1:
            return self.make("ipow", a, data=int(e))
        root = self.make("sqrt", a)
        whole = abs(e) - Fraction(1, 2)
        size = root if whole == 0 else self.make("mul", self.make("ipow", a, data=int(whole)), root)
        return size if e > 0 else self.make("div", self.number(1), size)

    def _sqrt(self, a: int) -> int | None:
        node = self.node(a)
        square = (node.op == "ipow" and node.data == 2) or (node.op == "mul" and node.args[0] == node.args[1])
        return self.make("abs", node.args[0]) if square else None

    def _abs(self, a: int) -> int | None:
        if self.signs.nonnegative(a):
            return a
        return self.make("abs", self.node(a).args[0]) if self.is_a(a, "neg") else None

    def _sign(self, a: int) -> int | None:
        if self.signs.positive(a):
            return self.number(1)
        node = self.node(a)
        if node.op in ("neg", "abs"):
            return self.make(node.op, self.make("sign", node.args[0]))
        for i, j in ((0, 1), (1, 0)) if node.op == "mul" else ():
            c = self.constant(node.args[i])
            if c:
                sign = self.make("sign", node.args[j])
                return sign if c > 0 else self.make("neg", sign)
        return None

    def _select(self, a: int, b: int, then: int, otherwise: int, strict: bool) -> int | None:
        p, q = self.constant(a), self.constant(b)
        if then == otherwise:
            return then
        if p is None or q is None:
            return None
        return then if (p < q if strict else p <= q) else otherwise

    def _call(self, a: int, data: tuple[Any, int]) -> int | None:
        node, name = self.node(a), data[0]
        if data[1] != 0:
            return None
        if name == "log" and node.op == "call" and node.data in (("cosh", 0), ("exp", 0)):
            return self.make("call", *node.args, data=("log_cosh", 0)) if node.data[0] == "cosh" else node.args[0]
        if name == "exp" and node == Node("call", node.args, ("log", 0)) and self.signs.positive(node.args[0]):
            return node.args[0]
        if node.op == "neg" and name in EVEN:
            return self.make("call", *node.args, data=data)
        if node.op == "neg" and name in ODD:
            return self.make("neg", self.make("call", *node.args, data=data))
        return None


def _exact(c: Fraction) -> bool:
    """Whether a product with c has no rounding: ±2^k."""
    return abs(c.numerator).bit_count() == 1 == c.denominator.bit_count()


def _value(op: str, values: list[Fraction], data: Any) -> Fraction | None:
    """The value of an operation on constants: exact where it is rational, else rounded."""
    a = values[0]
    match op:
        case "add":
            return a + values[1]
        case "sub":
            return a - values[1]
        case "mul":
            return a * values[1]
        case "div":
            return a / values[1]
        case "neg":
            return -a
        case "abs":
            return abs(a)
        case "sign":
            return Fraction((a > 0) - (a < 0))
        case "ipow":
            return a**data if abs(data) <= 64 else None
        case "sqrt":
            root = Fraction(math.isqrt(a.numerator), math.isqrt(a.denominator)) if a >= 0 else Fraction(0)
            return root if root * root == a else Fraction(math.sqrt(a))
        case "call":
            return (
                Fraction(PYTHON_FUNCTIONS[data[0]](float(a))) if data[1] == 0 and data[0] in PYTHON_FUNCTIONS else None
            )
    return None


def refused(op: str) -> InputError:
    """What is raised for an operation that no flat program has."""
    return InputError(f"operation '{op}' is none of a flat program; use Map.flat or flattened")
