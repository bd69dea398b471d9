"""Values with their slopes: forward-mode derivatives over balls or rational functions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sam_theory.checker._enclosure_base import Balls, Unclear

__all__ = ["Calculus", "Number"]


@dataclass(frozen=True)
class Calculus:
    """What numbers are made of.

    With ``lipschitz`` the slopes at a kink of a continuous function are all slopes between those of its sides: a
    mean-value form stays true. Otherwise a kink inside of the set is Unclear, for a derivative does not exist there.
    """

    base: Balls
    lipschitz: bool = False

    def number(self, q: Fraction | int) -> Number:
        """A constant."""
        return Number(self, self.base.number(Fraction(q)))

    def seed(self, value: Any, direction: int) -> Number:
        """An independent variable."""
        return Number(self, value, {direction: self.base.number(Fraction(1))})

    def constant(self, value: Any) -> Number:
        """A value of the base."""
        return Number(self, value)


class Number:
    """A value and its slope in each direction that it depends on."""

    __slots__ = ("d", "k", "v")

    def __init__(self, k: Calculus, v: Any, d: dict[int, Any] | None = None) -> None:
        self.k, self.v, self.d = k, v, d or {}

    def lift(self, other: Any) -> Number:
        """``other`` as a number of the same calculus; floats are refused."""
        if isinstance(other, Number):
            return other
        if isinstance(other, int | Fraction):
            return self.k.number(other)
        if getattr(other, "is_Rational", False):
            return self.k.number(Fraction(int(other.p), int(other.q)))
        raise Unclear(f"{other!r} is no exact number")

    def _scaled(self, factor: Any) -> dict[int, Any]:
        return {j: factor * a for j, a in self.d.items()}

    # -- sums and products ---------------------------------------------------------------------------------
    def __add__(self, other: Any) -> Number:
        if not isinstance(other, Number | int | Fraction):
            return NotImplemented
        o = self.lift(other)
        slopes = dict(self.d)
        for j, a in o.d.items():
            slopes[j] = slopes[j] + a if j in slopes else a
        return Number(self.k, self.v + o.v, slopes)

    __radd__ = __add__

    def __neg__(self) -> Number:
        return Number(self.k, -self.v, {j: -a for j, a in self.d.items()})

    def __sub__(self, other: Any) -> Number:
        return self + -self.lift(other)

    def __rsub__(self, other: Any) -> Number:
        return self.lift(other) - self

    def __mul__(self, other: Any) -> Number:
        if not isinstance(other, Number | int | Fraction):
            return NotImplemented
        o = self.lift(other)
        if o is self:
            return self**2
        for a in (self, o):
            if not a.d and self.k.base.vanishes(a.v):
                return a
        slopes = self._scaled(o.v)
        for j, a in o.d.items():
            slopes[j] = slopes[j] + self.v * a if j in slopes else self.v * a
        return Number(self.k, self.v * o.v, slopes)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Number:
        o = self.lift(other)
        ball = self.k.base.ball(o.v)
        if ball.contains(0) or not ball.is_finite():
            raise Unclear("a denominator may vanish")
        value = self.v / o.v
        slopes = {j: a / o.v for j, a in self.d.items()}
        for j, a in o.d.items():
            less = -(value * a / o.v)
            slopes[j] = slopes[j] + less if j in slopes else less
        return Number(self.k, value, slopes)

    def __rtruediv__(self, other: Any) -> Number:
        return self.lift(other) / self

    def __pow__(self, n: Any) -> Number:
        if isinstance(n, Number):
            whole = n._whole()  # the number of a step, say: the base may then be 0 or negative
            return (n * self.apply("log")).apply("exp") if whole is None else self**whole
        if not isinstance(n, int):
            q = Fraction(n)
            return self.root() ** q.numerator if q.denominator == 2 else self ** self.lift(q)
        if n < 0:
            return 1 / self**-n
        if n == 0:
            return self.k.number(1)
        slope = self.k.base.number(Fraction(n)) * self.k.base.power(self.v, n - 1) if self.d else None
        return Number(self.k, self.k.base.power(self.v, n), self._scaled(slope))

    def _whole(self) -> int | None:
        """The integer that this number certainly is; None if it is none, or varies."""
        ball = self.k.base.ball(self.v)
        found = ball.unique_fmpz() if ball.is_exact() and not self.d else None
        return None if found is None else int(found)

    # -- functions -----------------------------------------------------------------------------------------
    def root(self) -> Number:
        """The square root."""
        value = self.k.base.root(self.v)
        return self if not self.d and self.k.base.vanishes(self.v) else self._chain(value, self._root_slope)

    def _root_slope(self, value: Any) -> Any:
        if self.k.base.ball(value).contains(0):
            raise Unclear("the slope of a root is unbounded")
        return self.k.base.number(Fraction(1, 2)) / value

    def _chain(self, value: Any, slope: Any) -> Number:
        return Number(self.k, value, self._scaled(slope(value)) if self.d else None)

    def apply(self, name: str) -> Number:
        """One of the named functions, with its derivative."""
        base, a = self.k.base, self.v
        one = base.number(Fraction(1))
        if name == "log" and not base.ball(a) > 0:
            raise Unclear("the argument of a logarithm may vanish")
        slopes = {
            "exp": lambda v: v,
            "log": lambda v: one / a,
            "sin": lambda v: base.apply("cos", a),
            "cos": lambda v: -base.apply("sin", a),
            "tan": lambda v: one + base.power(v, 2),
            "atan": lambda v: one / (one + base.power(a, 2)),
            "sinh": lambda v: base.apply("cosh", a),
            "cosh": lambda v: base.apply("sinh", a),
            "tanh": lambda v: one / base.power(base.apply("cosh", a), 2),
            "log_cosh": lambda v: base.apply("tanh", a),
            "sqrt1p": lambda v: base.apply("sqrt1p_slope", a),
            "sqrt1p_slope": lambda v: one / base.power(base.apply("sqrt1p", a), 3),
        }
        value = base.apply(name, a)
        return self._chain(value, slopes[name])

    def sign(self) -> int:
        """The sign where it is the same on the whole set; a zero of something that varies is a jump."""
        found = self.k.base.sign(self.v)
        if not found and self.d:
            raise Unclear("a sign jumps")
        return found

    def __abs__(self) -> Number:
        return self.modulus()

    def modulus(self) -> Number:
        """|·|."""
        try:
            return self if self.sign() >= 0 else -self
        except Unclear:
            if self.d and not self.k.lipschitz:
                raise Unclear("a modulus has a kink in the set") from None
        base = self.k.base
        return Number(self.k, base.modulus(self.v), {j: base.spread(a) for j, a in self.d.items()})

    def extremum(self, other: Number, least: bool) -> Number:
        """The smaller (or larger) of two."""
        base, gap = self.k.base, self.k.base.ball((self - other).v)
        if gap < 0 or gap > 0:
            return self if bool(gap < 0) == least else other
        if (self.d or other.d) and not self.k.lipschitz:
            raise Unclear("a minimum or maximum has a kink in the set")
        zero = base.number(Fraction(0))
        slopes = {j: base.join(self.d.get(j, zero), other.d.get(j, zero)) for j in {*self.d, *other.d}}
        return Number(self.k, base.extremum(self.v, other.v, least), slopes)

    def below_zero(self, strict: bool) -> bool:
        """Whether it is < 0 (or ≤ 0) on the whole set; Unclear where that is not decided, or touches a kink."""
        ball = self.k.base.ball(self.v)
        if ball < 0 or ball > 0:
            return bool(ball < 0)
        if not self.d or self.k.lipschitz:
            if not strict and ball <= 0:
                return True
            if strict and ball >= 0:
                return False
        raise Unclear("a branch is not decided")
