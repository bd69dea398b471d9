r"""Taylor polynomials along a line: :math:`F(w+tu)` up to a power of t, over floats or balls, without differences.

:math:`D^kF(w)[u,\dots,u]=k!\,c_k`; other arguments of the symmetric form follow by polarisation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from sam_theory.arithmetic._base import Arithmetic, Coordinates, NotExact, Undecided
from sam_theory.arithmetic._jet import side_of
from sam_theory.arithmetic._jets import SLOPES
from sam_theory.arithmetic._scaled import KeepsFactors

__all__ = ["Taylor", "Truncated"]


class Truncated:
    """c₀ + c₁t + … + O(t^n) with n coefficients; ``constant`` says that c₀ is all of it."""

    __slots__ = ("coefficients", "constant")

    def __init__(self, coefficients: Sequence[Any], constant: bool = False) -> None:
        self.coefficients = tuple(coefficients)
        self.constant = constant

    def __len__(self) -> int:
        return len(self.coefficients)

    def __getitem__(self, i: int) -> Any:
        return self.coefficients[i]

    def cut(self, terms: int) -> Truncated:
        """The first ``terms`` coefficients."""
        return self if self.constant else Truncated(self.coefficients[:terms])

    def __add__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        o = _lift(other)
        if o.constant:
            return Truncated((self[0] + o[0], *self.coefficients[1:]), self.constant)
        if self.constant:
            return o + self
        return Truncated([a + b for a, b in zip(self.coefficients, o.coefficients, strict=False)])

    __radd__ = __add__

    def __neg__(self) -> Truncated:
        return Truncated([-a for a in self.coefficients], self.constant)

    def __sub__(self, other: Any) -> Any:
        return self + -_lift(other)

    def __rsub__(self, other: Any) -> Any:
        return _lift(other) + -self

    def __mul__(self, other: Any) -> Any:
        if isinstance(other, Coordinates):
            return NotImplemented
        o = _lift(other)
        if o.constant:
            return Truncated([a * o[0] for a in self.coefficients], self.constant)
        if self.constant:
            return o * self
        n = min(len(self), len(o))
        return Truncated([_sum(self[i] * o[k - i] for i in range(k + 1)) for k in range(n)])

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        o = _lift(other)
        if o.constant:
            return Truncated([a / o[0] for a in self.coefficients], self.constant)
        a, b = self.coefficients, o.coefficients
        if self.constant:
            a = (a[0], *(a[0] * 0,) * (len(b) - 1))
        while b and bool(b[0] == 0):
            if not a or not bool(a[0] == 0):
                raise Undecided("a quotient has a pole here")
            a, b = a[1:], b[1:]
        if not a or not b:
            raise Undecided("every known coefficient of a quotient vanishes")
        q: list[Any] = []
        for k in range(min(len(a), len(b))):
            q.append(_sum((a[k], *(-(q[i] * b[k - i]) for i in range(k)))) / b[0])
        return Truncated(q)

    def __rtruediv__(self, other: Any) -> Any:
        return _lift(other) / self

    def __eq__(self, other: object) -> bool:
        d = self - other
        return bool(d.constant and bool(d[0] == 0))

    def __hash__(self) -> int:
        return hash((self.coefficients, self.constant))

    def __repr__(self) -> str:
        return f"Truncated({list(self.coefficients)})"


def _lift(other: Any) -> Truncated:
    return other if isinstance(other, Truncated) else Truncated((other,), True)


def _sum(terms: Any) -> Any:
    total: Any = None
    for a in terms:
        total = a if total is None else total + a
    return total


class Taylor(KeepsFactors):
    """Taylor polynomials with ``terms`` coefficients over ``base``.

    Parameters
    ----------
    terms : int
        At least 1; the order of the last derivative is one less.
    base : Arithmetic
        Of the coefficients.
    one_sided : bool
        Take t > 0: where |·|, a norm or a comparison has its kink at t = 0, the branch beyond it.  Otherwise such a
        point has no derivatives and is Undecided.
    """

    name = "taylor"
    functions: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}

    def __init__(self, terms: int, base: Arithmetic, one_sided: bool = False) -> None:
        self.terms, self.base, self.one_sided = terms, base, one_sided
        self.exact = base.exact

    def number(self, value: Fraction) -> Truncated:
        return Truncated((self.base.number(value),), True)

    def constant(self, value: Any) -> Truncated:
        """A number of the base that does not depend on t."""
        return Truncated((value,), True)

    def line(self, point: Sequence[Any], direction: Sequence[Any]) -> Coordinates:
        """point + t·direction."""
        zero = self.base.number(Fraction(0))
        rest = [zero] * (self.terms - 2)
        pairs = zip(point, direction, strict=True)
        return Coordinates(Truncated([p, u, *rest][: self.terms]) for p, u in pairs)

    def coefficients(self, a: Any) -> list[Any]:
        """The coefficients of a result; those of a constant are 0 behind the first.

        Raises Undecided where fewer than ``terms`` are known.
        """
        a = _lift(a)
        if a.constant:
            return [a[0], *[self.base.number(Fraction(0))] * (self.terms - 1)]
        if len(a) < self.terms:
            raise Undecided("a kink leaves too few derivatives")
        return list(a.coefficients)

    # -- scalars -----------------------------------------------------------------------------------------
    def _side(self, a: Any) -> int:
        """The sign of a for small t > 0."""
        a = _lift(a)
        for i, c in enumerate(a.coefficients):
            side = side_of(c)
            if side or a.constant:
                if i and not self.one_sided:
                    raise Undecided("two branches meet here")
                return side
        raise Undecided("two branches meet here")

    def _integrated(self, start: Any, slope: Any, a: Truncated) -> Truncated:
        """The function with value ``start`` and derivative slope·a', a' that of ``a``."""
        lead = Truncated([k * c for k, c in enumerate(a.coefficients)][1:])
        product = _lift(slope) * lead
        return Truncated([start, *(c / (k + 1) for k, c in enumerate(product.coefficients))])

    def ipow(self, a: Any, exponent: int) -> Any:
        if exponent < 0:
            return 1 / self.ipow(a, -exponent)
        result: Any = self.number(Fraction(1))
        for _ in range(exponent):
            result = result * a
        return result

    def power(self, a: Any, exponent: Any) -> Any:
        a, e = _lift(a), _lift(exponent)
        if not e.constant:
            raise NotExact("a power that is not constant")
        if a.constant or len(a) == 1:
            return Truncated((self.base.power(a[0], e[0]),), a.constant)
        slope = e * self.power(a.cut(len(a) - 1), e - 1)
        return self._integrated(self.base.power(a[0], e[0]), slope, a)

    def sqrt(self, a: Any) -> Any:
        a = _lift(a)
        if a.constant:
            return Truncated((self.base.sqrt(a[0]),), True)
        if bool(a[0] == 0):
            raise Undecided("a root at 0 has no derivative")
        roots = [self.base.sqrt(a[0])]
        for k in range(1, len(a)):
            rest = _sum((a[k], *(-(roots[i] * roots[k - i]) for i in range(1, k))))
            roots.append(rest / (2 * roots[0]))
        return Truncated(roots)

    def sign(self, a: Any) -> Any:
        return self.number(Fraction(self._side(a)))

    def abs(self, a: Any) -> Any:
        return -_lift(a) if self._side(a) < 0 else _lift(a)

    def select(self, a: Any, b: Any, then: Any, otherwise: Any, strict: bool) -> Any:
        side = self._side(_lift(a) - b)
        return then if side < 0 or (side == 0 and not strict) else otherwise

    def call(self, function: Any, order: int, a: Any) -> Any:
        if not isinstance(function, str):
            return function.evaluate(order, a, self)
        a = _lift(a)
        start = self.base.call(function, 0, a[0])
        if a.constant or len(a) == 1:
            return Truncated((start,), a.constant)
        low = a.cut(len(a) - 1)
        return self._integrated(start, SLOPES[function](self, low, self.call(function, 0, low)), a)

    # -- vectors -----------------------------------------------------------------------------------------
    def norm(self, v: Any) -> Any:
        if len(v) == 1:
            return self.abs(v[0])
        entries = [_lift(a) for a in v]
        if not all(bool(a[0] == 0) for a in entries):
            return self.sqrt(_sum(a * a for a in entries))
        if all(a.constant for a in entries):
            return self.number(Fraction(0))
        if not self.one_sided:
            raise Undecided("a norm at 0 has no derivative")
        zero = self.base.number(Fraction(0))
        shifted = [a if a.constant else Truncated(a.coefficients[1:]) for a in entries]
        return Truncated([zero, *_lift(self.norm(Coordinates(shifted))).coefficients])

    def unit(self, v: Any, eps: Any, normalisation: str) -> Any:
        entries, e = [_lift(a) for a in v], _lift(eps)
        if self.is_zero(e):
            if all(a.constant and bool(a[0] == 0) for a in entries):
                return Coordinates(entries)
            if len(entries) == 1:
                return Coordinates([self.sign(entries[0])])
            simpler = self.unfactored_unit(v, e)
            if simpler is not None:
                return simpler
        elif all(bool(a[0] == 0) for a in entries) and normalisation != "add":
            # Smooth at 0, unlike the norm itself.
            size = e if normalisation == "max" else self.sqrt(_sum(a * a for a in entries) + e * e)
            return Coordinates(a / size for a in entries)
        return Coordinates(a / self.regularised(self.norm(entries), e, normalisation) for a in entries)
