"""Numbers with a tangent: a value and its derivatives in several directions."""

from __future__ import annotations

from typing import Any

from sam_theory.arithmetic._base import Coordinates, Undecided


class Jet:
    r"""value + Σ tangent_j·ε_j with infinitesimal ε_j; an empty tangent is that of a constant.

    Numbers of the underlying arithmetic, ints included, combine with jets.
    """

    __slots__ = ("tangent", "value")

    def __init__(self, value: Any, tangent: tuple[Any, ...] = ()) -> None:
        self.value = value
        self.tangent = tangent

    @property
    def constant(self) -> bool:
        """Whether the tangent certainly vanishes."""
        return not any(_may_differ_from_0(a) for a in self.tangent)

    def scaled(self, value: Any, slope: Any) -> Jet:
        """A function of this jet with the given value and slope."""
        return Jet(value, tuple(slope * a for a in self.tangent))

    def __add__(self, other: Any) -> Jet:
        o = lift(other)
        if not o.tangent:
            return Jet(self.value + o.value, self.tangent)
        if not self.tangent:
            return Jet(self.value + o.value, o.tangent)
        return Jet(self.value + o.value, tuple(a + b for a, b in zip(self.tangent, o.tangent, strict=True)))

    __radd__ = __add__

    def __neg__(self) -> Jet:
        return Jet(-self.value, tuple(-a for a in self.tangent))

    def __sub__(self, other: Any) -> Jet:
        o = lift(other)
        if not o.tangent:
            return Jet(self.value - o.value, self.tangent)
        return self + -o

    def __rsub__(self, other: Any) -> Jet:
        return lift(other) - self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        o = lift(other)
        if not o.tangent:
            return self.scaled(self.value * o.value, o.value)
        if not self.tangent:
            return o.scaled(self.value * o.value, self.value)
        pairs = zip(self.tangent, o.tangent, strict=True)
        return Jet(self.value * o.value, tuple(self.value * b + a * o.value for a, b in pairs))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Jet:
        o = lift(other)
        q = self.value / o.value
        if not o.tangent:
            return Jet(q, tuple(a / o.value for a in self.tangent))
        if not self.tangent:
            return o.scaled(q, -q / o.value)
        return Jet(q, tuple((a - q * b) / o.value for a, b in zip(self.tangent, o.tangent, strict=True)))

    def __rtruediv__(self, other: Any) -> Jet:
        return lift(other) / self

    def order(self, other: Any) -> int:
        """−1, 0, 1 as self is below, equal to or above ``other``; Undecided at a kink."""
        d = self - lift(other)
        side = side_of(d.value)
        if side == 0 and d.tangent:
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
        d = self - lift(other)
        return bool(d.value == 0) and d.constant

    def __hash__(self) -> int:
        return hash((self.value, self.tangent))

    def __repr__(self) -> str:
        return f"Jet({self.value}, {self.tangent})"


class Unsloped(Jet):
    """A bounded quantity that has a value but no derivative: nothing can be done with it but multiply it by 0."""

    __slots__ = ()

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getattr__(self, name: str) -> Any:  # of what was never set: the tangent
        raise Undecided("the unit vector has no derivative where the gradient vanishes")

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        o = lift(other)
        if not o.tangent and bool(o.value == 0):
            return Jet(self.value * o.value)
        raise Undecided("the unit vector has no derivative where the gradient vanishes")

    __rmul__ = __mul__


def lift(other: Any) -> Jet:
    """A number of the underlying arithmetic as a constant jet."""
    return other if isinstance(other, Jet) else Jet(other)


def _may_differ_from_0(a: Any) -> bool:
    return not bool(a == 0)


def side_of(value: Any) -> int:
    """The sign of a number of the underlying arithmetic; Undecided where a ball does not tell it."""
    if value > 0:
        return 1
    if value < 0:
        return -1
    if value == 0:
        return 0
    raise Undecided(f"the sign of {value} is not determined; split the region or raise the precision")
