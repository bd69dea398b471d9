"""Exact derivatives: rationals with an infinitesimal part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic import Arithmetic, Coordinates, NotExact, Undecided, rational_sqrt
from sam_theory.engines._search._setting import Scene

__all__ = ["Jet", "Jets", "Matrix", "image_and_derivative", "product", "spectral_side"]

Matrix = list[list[Fraction]]


class Jet:
    """value + tangent·ε with infinitesimal ε, one for each direction."""

    __slots__ = ("tangent", "value")

    def __init__(self, value: Fraction, tangent: tuple[Fraction, ...]) -> None:
        self.value = value
        self.tangent = tangent

    def _lift(self, other: Any) -> Jet:
        if isinstance(other, Jet):
            return other
        return Jet(Fraction(other), (Fraction(0),) * len(self.tangent))

    def _new(self, value: Fraction, tangent: Any) -> Jet:
        return Jet(value, tuple(tangent))

    def __add__(self, other: Any) -> Jet:
        o = self._lift(other)
        return self._new(self.value + o.value, (a + b for a, b in zip(self.tangent, o.tangent, strict=True)))

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return self._new(-self.value, (-a for a in self.tangent))

    def __sub__(self, other: Any) -> Jet:
        return self + -self._lift(other)

    def __rsub__(self, other: Any) -> Jet:
        return self._lift(other) - self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        o = self._lift(other)
        pairs = zip(self.tangent, o.tangent, strict=True)
        return self._new(self.value * o.value, (self.value * b + a * o.value for a, b in pairs))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        o = self._lift(other)
        q = self.value / o.value
        return self._new(q, ((a - q * b) / o.value for a, b in zip(self.tangent, o.tangent, strict=True)))

    def __rtruediv__(self, other: Any) -> Jet:
        return self._lift(other) / self

    def __pow__(self, n: int) -> Jet:
        slope = n * self.value ** (n - 1) if n else Fraction(0)
        return self._new(self.value**n, (slope * a for a in self.tangent))

    def __abs__(self) -> Jet:
        side = self.side()
        if side == 0 and any(self.tangent):
            raise Undecided("a modulus at 0 has no derivative")
        return -self if side < 0 else self

    def side(self) -> int:
        """The sign of the value."""
        return (self.value > 0) - (self.value < 0)

    def order(self, other: Any) -> int:
        """−1, 0, 1 as self is below, equal to or above ``other``; Undecided at a kink."""
        d = self - self._lift(other)
        side = d.side()
        if side == 0 and any(d.tangent):
            raise Undecided("two branches meet here")
        return side

    def __lt__(self, other: Any) -> bool:
        return self.order(other) < 0

    def __le__(self, other: Any) -> bool:
        return self.order(other) <= 0

    def __gt__(self, other: Any) -> bool:
        return self.order(other) > 0

    def __ge__(self, other: Any) -> bool:
        return self.order(other) >= 0

    def __eq__(self, other: object) -> bool:
        d = self - self._lift(other)
        return d.value == 0 and not any(d.tangent)

    def __hash__(self) -> int:
        return hash((self.value, self.tangent))


#: value and slope at 0 of the functions that are rational there
_JETS_AT_0: dict[str, tuple[Fraction, Fraction]] = {
    name: (Fraction(value), Fraction(slope))
    for value, slope, names in (
        (0, 1, "sin tan atan sinh tanh sqrt1p_slope"),
        (1, 0, "cos cosh sqrt1p"),
        (0, 0, "log_cosh"),
        (1, 1, "exp"),
    )
    for name in names.split()
}


class Jets(Arithmetic):
    """Arithmetic of jets with ``size`` directions."""

    name = "jets"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, size: int) -> None:
        self.size = size

    def number(self, value: Fraction) -> Jet:
        return Jet(Fraction(value), (Fraction(0),) * self.size)

    def seeds(self, point: Sequence[Fraction]) -> Coordinates:
        """The point moved along each axis."""
        unit = [tuple(Fraction(int(i == j)) for j in range(self.size)) for i in range(self.size)]
        return Coordinates(Jet(v, e) for v, e in zip(point, unit, strict=True))

    def power(self, a: Any, exponent: Any) -> Any:
        e = self._jet(exponent)
        if any(e.tangent) or e.value.denominator != 1:
            raise NotExact("a power that is not an integer")
        return a ** int(e.value)

    def _jet(self, a: Any) -> Jet:
        return a if isinstance(a, Jet) else self.number(a)

    def sqrt(self, a: Any) -> Jet:
        a = self._jet(a)
        root = rational_sqrt(a.value)
        if root == 0:
            if any(a.tangent):
                raise Undecided("a root at 0 has no derivative")
            return a
        return Jet(root, tuple(t / (2 * root) for t in a.tangent))

    def sign(self, a: Any) -> Jet:
        a = self._jet(a)
        side = a.side()
        if side == 0 and any(a.tangent):
            raise Undecided("a sign at 0")
        return self.number(Fraction(side))

    def call(self, function: Any, order: int, a: Any) -> Any:
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        a = self._jet(a)
        if function not in _JETS_AT_0 or a.value != 0:
            raise NotExact(f"{function} is not rational here")
        value, slope = _JETS_AT_0[function]
        return Jet(value, tuple(slope * t for t in a.tangent))

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        e = self._jet(eps)
        if all(c.value == 0 for c in v):
            if e.value != 0:
                return v / e
            if any(t for c in v for t in c.tangent):
                raise Undecided("the unit vector has no derivative where the gradient vanishes")
            return v
        if len(v) == 1 and e == 0:
            return Coordinates([self.sign(v[0])])
        return super().unit(v, e, normalisation)


def image_and_derivative(
    scene: Scene, values: Mapping[str, Fraction], point: Sequence[Fraction]
) -> tuple[list[Fraction], Matrix]:
    """F and F' at a point of the whole state, exactly.

    Raises NotExact or Undecided where there is no rational derivative.
    """
    if len(point) != scene.dimension * len(scene.map.state):
        raise NotExact("a point of the iterate alone is no state of this rule")
    jets = Jets(len(point))
    result = scene.whole(scene.step(jets, values, scene.state_of(jets, list(jets.seeds(point))), 0))
    return [c.value for c in result], [list(c.tangent) for c in result]


def product(a: Matrix, b: Matrix) -> Matrix:
    """The matrix product."""
    return [
        [sum((x * y for x, y in zip(row, col, strict=True)), Fraction(0)) for col in zip(*b, strict=True)] for row in a
    ]


def spectral_side(matrix: Matrix) -> int | None:
    """−1, 0, 1 as the spectral radius is certainly below, equal to (triangular matrices only) or above 1."""
    d = len(matrix)
    if all(not matrix[i][j] for i in range(d) for j in range(i)) or all(
        not matrix[i][j] for i in range(d) for j in range(i + 1, d)
    ):
        top: Fraction = max(abs(matrix[i][i]) for i in range(d))
        return (top > 1) - (top < 1)
    power = matrix
    for _ in range(9):
        if sum((x * x for row in power for x in row), Fraction(0)) < 1:
            return -1
        if abs(sum((power[i][i] for i in range(d)), Fraction(0))) > d:
            return 1
        power = product(power, power)
    return None
