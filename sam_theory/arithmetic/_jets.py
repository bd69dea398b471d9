"""Forward-mode derivatives over any arithmetic that is exact or encloses: rationals, Arb balls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic._base import Arithmetic, Coordinates, NotExact, Undecided
from sam_theory.arithmetic._jet import Jet, Unsloped, lift, side_of
from sam_theory.arithmetic._rational import Rational
from sam_theory.arithmetic._scaled import KeepsFactors

#: slope of each function: (arithmetic, argument, value) -> slope
SLOPES: dict[str, Callable[[Arithmetic, Any, Any], Any]] = {
    "exp": lambda r, a, v: v,
    "log": lambda r, a, v: 1 / a,
    "sin": lambda r, a, v: r.call("cos", 0, a),
    "cos": lambda r, a, v: -r.call("sin", 0, a),
    "tan": lambda r, a, v: 1 + r.ipow(v, 2),
    "atan": lambda r, a, v: 1 / (1 + r.ipow(a, 2)),
    "sinh": lambda r, a, v: r.call("cosh", 0, a),
    "cosh": lambda r, a, v: r.call("sinh", 0, a),
    "tanh": lambda r, a, v: 1 / r.ipow(r.call("cosh", 0, a), 2),
    "log_cosh": lambda r, a, v: r.call("tanh", 0, a),
    "sqrt1p": lambda r, a, v: r.call("sqrt1p_slope", 0, a),
    "sqrt1p_slope": lambda r, a, v: 1 / r.ipow(r.call("sqrt1p", 0, a), 3),
}


class Jets(KeepsFactors):
    """Jets with ``size`` directions over ``base``.

    Parameters
    ----------
    size : int
    base : Arithmetic
        ``Rational`` (the default) gives exact derivatives; ``Ball`` gives enclosures of the value and of every
        partial derivative over the box that the seeds span.
    lipschitz : bool
        Only over balls.  Where |·|, a norm, a minimum or a maximum has its kink inside the box, take the hull
        of the slopes on both sides: a mean-value form stays valid, a derivative at the kink does not exist.
        Otherwise such a box is Undecided.
    """

    name = "jets"
    exact = True
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, size: int, base: Arithmetic | None = None, lipschitz: bool = False) -> None:
        self.size = size
        self.base = Rational() if base is None else base
        self.lipschitz = lipschitz and type(self.base).hull is not Arithmetic.hull
        self.exact = self.base.exact

    # -- constants and seeds -----------------------------------------------------------------------------
    def number(self, value: Fraction) -> Jet:
        return Jet(self.base.number(Fraction(value)))

    def seed(self, value: Any, direction: int) -> Jet:
        """``value`` moved along one direction."""
        zero, one = self.base.number(Fraction(0)), self.base.number(Fraction(1))
        return Jet(value, tuple(one if j == direction else zero for j in range(self.size)))

    def seeds(self, point: Sequence[Any]) -> Coordinates:
        """The point moved along each axis."""
        return Coordinates(self.seed(v, i) for i, v in enumerate(point))

    def _jet(self, a: Any) -> Jet:
        return a if isinstance(a, Jet) else Jet(a if not isinstance(a, int) else self.base.number(Fraction(a)))

    def slopes(self, a: Any) -> list[Any]:
        """The derivative of a result in every direction, also that of a constant."""
        return list(self._jet(a).tangent) or [self.base.number(Fraction(0))] * self.size

    # -- scalars -----------------------------------------------------------------------------------------
    def ipow(self, a: Any, exponent: int) -> Jet:
        a = self._jet(a)
        value = self.base.ipow(a.value, exponent)
        return a.scaled(value, exponent * self.base.ipow(a.value, exponent - 1)) if exponent else Jet(value)

    def power(self, a: Any, exponent: Any) -> Jet:
        a, e = self._jet(a), self._jet(exponent)
        if not e.constant:
            raise NotExact("a power that is not constant")
        if isinstance(e.value, Fraction) and e.value.denominator == 1:
            return self.ipow(a, int(e.value))
        value = self.base.power(a.value, e.value)
        if not a.tangent:
            return Jet(value)
        return a.scaled(value, e.value * self.base.power(a.value, e.value - 1))

    def sqrt(self, a: Any) -> Jet:
        a = self._jet(a)
        root = self.base.sqrt(a.value)
        if not a.tangent:
            return Jet(root)
        if side_of(root) <= 0:
            raise Undecided("a root at 0 has no derivative")
        return Jet(root, tuple(t / (2 * root) for t in a.tangent))

    def sign(self, a: Any) -> Jet:
        a = self._jet(a)
        side = side_of(a.value)
        # x² has slope 0 where it vanishes, yet its sign jumps there.
        if side == 0 and a.tangent:
            raise Undecided("a sign at 0")
        return self.number(Fraction(side))

    def abs(self, a: Any) -> Jet:
        a = self._jet(a)
        try:
            side = side_of(a.value)
            if side == 0 and not a.constant:
                raise Undecided("a modulus at 0 has no derivative")
        except Undecided:
            if not self.lipschitz:
                raise
            both = self.base.hull(self.base.number(Fraction(-1)), self.base.number(Fraction(1)))
            return a.scaled(self.base.abs(a.value), both)
        return -a if side < 0 else a

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        try:
            return super().select(a, b, then, otherwise, strict)
        except Undecided:
            extremum = (then is a and otherwise is b) or (then is b and otherwise is a)
            if not (self.lipschitz and extremum):
                raise
        p, q = self._jet(then), self._jet(otherwise)
        x, y = self._jet(a).value, self._jet(b).value
        value = self.base.select(x, y, *((x, y) if then is a else (y, x)), strict)
        pairs = zip(self.slopes(p), self.slopes(q), strict=True)
        return Jet(value, tuple(self.base.hull(s, t) for s, t in pairs))

    def call(self, function: Any, order: int, a: Any) -> Any:
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        a = self._jet(a)
        value = self.base.call(function, 0, a.value)
        return a.scaled(value, SLOPES[function](self.base, a.value, value)) if a.tangent else Jet(value)

    # -- vectors -----------------------------------------------------------------------------------------
    def norm(self, v: Any) -> Jet:
        if len(v) == 1:
            return self.abs(v[0])
        entries = [self._jet(a) for a in v]
        root = self.base.norm(Coordinates(a.value for a in entries))
        if not any(a.tangent for a in entries):
            return Jet(root)
        if bool(root == 0) and all(a.constant for a in entries):
            return self._jet(sum(entries, self.number(Fraction(0))))
        try:
            if side_of(root) == 0:
                raise Undecided("a norm at 0 has no derivative")
        except Undecided:
            if not self.lipschitz:
                raise
            slope = self.base.hull(self.base.number(Fraction(-1)), self.base.number(Fraction(1)))
            total = sum((slope * lift(a) for a in entries), self.number(Fraction(0)))
            return Jet(root, total.tangent)
        total = sum((Jet(a.value, tuple(a.value * t for t in a.tangent)) for a in entries), self.number(Fraction(0)))
        return Jet(root, tuple(t / root for t in total.tangent))

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        e = self._jet(eps)
        entries = [self._jet(c) for c in v]
        if all(bool(c.value == 0) for c in entries):
            if e.value != 0:
                return Coordinates(c / e for c in entries)
            if any(c.tangent for c in entries):
                return Coordinates(Unsloped(c.value) for c in entries)
            return Coordinates(entries)
        if len(entries) == 1 and self.is_zero(e):
            return Coordinates([self.sign(entries[0])])
        simpler = self.unfactored_unit(v, e)
        if simpler is not None:
            return simpler
        n = self.norm(entries)
        if self.is_zero(e):
            side_of(n.value)
        return Coordinates(c / self.regularised(n, e, normalisation) for c in entries)
