"""Exact derivatives: rationals with an infinitesimal part, or with an infinitely large one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic import Arithmetic, Coordinates, NotExact, Undecided, rational_sqrt
from sam_theory.engines._search._scene import Scene

__all__ = ["Jet", "Jets", "far_image", "image_and_derivative", "spectral_side"]

Matrix = list[list[Fraction]]


class Jet:
    """value + tangent·ε with ε infinitesimal, or, if ``far``, value + tangent·ω with ω infinitely large."""

    __slots__ = ("far", "tangent", "value")

    def __init__(self, value: Fraction, tangent: tuple[Fraction, ...], far: bool = False) -> None:
        self.value = value
        self.tangent = tangent
        self.far = far

    def _lift(self, other: Any) -> Jet:
        if isinstance(other, Jet):
            return other
        return Jet(Fraction(other), (Fraction(0),) * len(self.tangent), self.far)

    def _new(self, value: Fraction, tangent: Any) -> Jet:
        return Jet(value, tuple(tangent), self.far)

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
        if self.far and any(self.tangent) and any(o.tangent):
            raise NotExact("a product of two infinitely large numbers")
        pairs = zip(self.tangent, o.tangent, strict=True)
        return self._new(self.value * o.value, (self.value * b + a * o.value for a, b in pairs))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        o = self._lift(other)
        if self.far:
            if any(o.tangent):
                raise NotExact("a quotient by an infinitely large number")
            return self._new(self.value / o.value, (a / o.value for a in self.tangent))
        q = self.value / o.value
        return self._new(q, ((a - q * b) / o.value for a, b in zip(self.tangent, o.tangent, strict=True)))

    def __rtruediv__(self, other: Any) -> Jet:
        return self._lift(other) / self

    def __pow__(self, n: int) -> Jet:
        if self.far and any(self.tangent) and n not in (0, 1):
            raise NotExact("a power of an infinitely large number")
        slope = n * self.value ** (n - 1) if n else Fraction(0)
        return self._new(self.value**n, (slope * a for a in self.tangent))

    def __abs__(self) -> Jet:
        side = self.side()
        if side == 0 and any(self.tangent):
            raise Undecided("a modulus at 0 has no derivative")
        return -self if side < 0 else self

    def side(self) -> int:
        """The sign; of a far jet that of its infinite part first."""
        lead = self.tangent[0] if self.far and self.tangent[0] else self.value
        return (lead > 0) - (lead < 0)

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


def _at_zero(value: int, slope: int) -> tuple[Fraction, Fraction]:
    return Fraction(value), Fraction(slope)


#: value and slope at 0 of the functions that are rational there
_JETS_AT_0: dict[str, tuple[Fraction, Fraction]] = {
    "exp": _at_zero(1, 1), "sin": _at_zero(0, 1), "cos": _at_zero(1, 0), "tan": _at_zero(0, 1), "atan": _at_zero(0, 1),
    "sinh": _at_zero(0, 1), "cosh": _at_zero(1, 0), "tanh": _at_zero(0, 1), "log_cosh": _at_zero(0, 0),
    "sqrt1p": _at_zero(1, 0), "sqrt1p_slope": _at_zero(0, 1),
}  # fmt: skip


class Jets(Arithmetic):
    """Arithmetic of jets with ``size`` directions."""

    name = "jets"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, size: int, far: bool = False) -> None:
        self.size = size
        self.far = far

    def number(self, value: Fraction) -> Jet:
        return Jet(Fraction(value), (Fraction(0),) * self.size, self.far)

    def seeds(self, point: Sequence[Fraction]) -> Coordinates:
        """The point moved along each axis."""
        unit = [tuple(Fraction(int(i == j)) for j in range(self.size)) for i in range(self.size)]
        return Coordinates(Jet(v, e, self.far) for v, e in zip(point, unit, strict=True))

    def power(self, a: Any, exponent: Any) -> Any:
        e = self._jet(exponent)
        if any(e.tangent) or e.value.denominator != 1:
            raise NotExact("a power that is not an integer")
        return a ** int(e.value)

    def _jet(self, a: Any) -> Jet:
        return a if isinstance(a, Jet) else self.number(a)

    def sqrt(self, a: Any) -> Jet:
        a = self._jet(a)
        if self.far and any(a.tangent):
            raise NotExact("a root of an infinitely large number")
        root = rational_sqrt(a.value)
        if root == 0:
            if any(a.tangent):
                raise Undecided("a root at 0 has no derivative")
            return a
        return Jet(root, tuple(t / (2 * root) for t in a.tangent), self.far)

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
        if function not in _JETS_AT_0 or a.value != 0 or self.far:
            raise NotExact(f"{function} is not rational here")
        value, slope = _JETS_AT_0[function]
        return Jet(value, tuple(slope * t for t in a.tangent))

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        e = self._jet(eps)
        if all(c.value == 0 for c in v) and not self.far:
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
    """F(point) and F'(point), exactly; raises NotExact or Undecided where there is no rational derivative."""
    jets = Jets(len(point))
    result = scene.iterate(scene.step(jets, values, scene.state(jets, jets.seeds(point)), 0))
    return [c.value for c in result], [list(c.tangent) for c in result]


def far_image(scene: Scene, values: Mapping[str, Fraction], side: int) -> Jet:
    """F(side·ω) in one dimension for an infinitely large ω."""
    jets = Jets(1, far=True)
    start = Coordinates([Jet(Fraction(0), (Fraction(side),), True)])
    return scene.iterate(scene.step(jets, values, scene.state(jets, start), 0))[0]  # type: ignore[no-any-return]


def product(a: Matrix, b: Matrix) -> Matrix:
    """The matrix product."""
    return [[sum((x * y for x, y in zip(row, col, strict=True)), Fraction(0)) for col in zip(*b, strict=True)] for row in a]


def spectral_side(matrix: Matrix) -> int | None:
    """−1 if the spectral radius is certainly below 1, 1 if certainly above, 0 if 1 on a triangular matrix, else None."""
    d = len(matrix)
    if all(not matrix[i][j] for i in range(d) for j in range(i)) or all(
        not matrix[i][j] for i in range(d) for j in range(i + 1, d)
    ):
        top = max(abs(matrix[i][i]) for i in range(d))
        return (top > 1) - (top < 1)
    power = matrix
    for _ in range(9):
        if sum(x * x for row in power for x in row) < 1:
            return -1
        if abs(sum(power[i][i] for i in range(d))) > d:
            return 1
        power = product(power, power)
    return None
