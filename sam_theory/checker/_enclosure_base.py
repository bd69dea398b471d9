"""Two kinds of values: Arb balls, and rational functions of the parameters together with a ball."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from flint import Ordering, arb, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from flint.utils.flint_exceptions import DomainError

__all__ = ["Balls", "RationalFunction", "RationalFunctions", "Unclear", "exact", "hull_of"]


class Unclear(ArithmeticError):
    """Something is not decided on the whole set: a sign, a branch, a pole."""


def exact(q: Fraction) -> arb:
    """The narrowest ball around a rational."""
    return arb(fmpq(q.numerator, q.denominator))


def hull_of(low: arb, high: arb) -> arb:
    """A ball that contains two balls and all between them: every enclosure of a set is made here."""
    return low.union(high)


def _ends(f: Callable[[arb], arb]) -> Callable[[arb], arb]:
    """A nondecreasing function of a ball, from its two ends."""

    def values(a: arb) -> arb:
        if a.is_exact() or not a.is_finite():
            return f(a)
        return hull_of(f(a.lower()), f(a.upper()))

    return values


def _modulus(a: arb) -> arb:
    if a >= 0:
        return a.nonnegative_part()
    if a <= 0:
        return (-a).nonnegative_part()
    return hull_of(arb(0), a.abs_upper()).nonnegative_part() if a.is_finite() else abs(a)


def _log_cosh(a: arb) -> arb:
    return (a.sinh() ** 2).log1p() / 2 if a < 1 else a + (-2 * a).exp().log1p() - arb(2).log()


class Balls:
    """Arb balls at FLINT's current precision."""

    _functions: ClassVar[dict[str, Callable[[arb], arb]]] = {
        "exp": _ends(lambda a: a.exp()),
        "log": _ends(lambda a: a.log()),
        "sin": lambda a: a.sin(),
        "cos": lambda a: a.cos(),
        "tan": lambda a: a.tan(),
        "atan": _ends(lambda a: a.atan()),
        "sinh": _ends(lambda a: a.sinh()),
        "cosh": lambda a: _ends(lambda z: z.cosh())(_modulus(a)),
        "tanh": _ends(lambda a: a.tanh()),
        "log_cosh": lambda a: _ends(_log_cosh)(_modulus(a)),
        "sqrt1p": lambda a: _ends(lambda z: (1 + z * z).sqrt())(_modulus(a)),
        "sqrt1p_slope": _ends(lambda a: a / (1 + a * a).sqrt()),
    }

    def number(self, q: Fraction) -> Any:
        return exact(q)

    def pi(self) -> Any:
        return arb.pi()

    def ball(self, a: Any) -> arb:
        """A ball that contains the value."""
        found: arb = a
        return found

    def vanishes(self, a: Any) -> bool:
        """Whether the value is certainly 0."""
        return bool(a == 0)

    def sign(self, a: Any) -> int:
        """1, −1, or 0 for exactly 0; Unclear otherwise."""
        b = self.ball(a)
        if self.vanishes(a):
            return 0
        if b > 0:
            return 1
        if b < 0:
            return -1
        raise Unclear("a sign is not decided")

    def power(self, a: Any, n: int) -> Any:
        """a**n for n ≥ 0."""
        if n % 2 == 0 and n:
            return _ends(lambda z: z**n)(_modulus(a)).nonnegative_part()
        return _ends(lambda z: z**n)(a)

    def modulus(self, a: Any) -> Any:
        return _modulus(a)

    def nonnegative(self, a: Any) -> Any:
        """A value that is known not to be negative, without what rounding has put below 0."""
        return a.nonnegative_part()

    def root(self, a: Any) -> Any:
        return _ends(lambda z: z.sqrt())(a)

    def apply(self, name: str, a: Any) -> Any:
        if name not in self._functions:
            raise Unclear(f"the function {name} is unknown to the checker")
        return self._functions[name](a)

    def extremum(self, a: Any, b: Any, least: bool) -> Any:
        return a.min(b) if least else a.max(b)

    def join(self, a: Any, b: Any) -> Any:
        """A value that contains both."""
        return hull_of(a, b)

    def spread(self, a: Any) -> Any:
        """All values between −a and a."""
        return hull_of(-a, a)


class RationalFunction:
    """n/d with polynomials in lowest terms, and a ball for its values on the box."""

    __slots__ = ("ball", "d", "n")

    def __init__(self, n: fmpq_mpoly, d: fmpq_mpoly, ball: arb) -> None:
        common = n.gcd(d)
        if not common.is_one():
            n, d = n / common, d / common
        self.n, self.d, self.ball = n, d, ball

    def __add__(self, o: RationalFunction) -> RationalFunction:
        if self.d == o.d:
            return RationalFunction(self.n + o.n, self.d, self.ball + o.ball)
        return RationalFunction(self.n * o.d + o.n * self.d, self.d * o.d, self.ball + o.ball)

    def __neg__(self) -> RationalFunction:
        return RationalFunction(-self.n, self.d, -self.ball)

    def __sub__(self, o: RationalFunction) -> RationalFunction:
        return self + -o

    def __mul__(self, o: RationalFunction) -> RationalFunction:
        return RationalFunction(self.n * o.n, self.d * o.d, self.ball * o.ball)

    def __truediv__(self, o: RationalFunction) -> RationalFunction:
        if o.ball.contains(0) or not o.ball.is_finite():
            raise Unclear("a denominator may vanish in the box")
        return RationalFunction(self.n * o.d, self.d * o.n, self.ball / o.ball)


class RationalFunctions(Balls):
    """Rational functions of the sides of a box, exactly; whatever is none is Unclear."""

    #: values at 0 of the functions a formula may use
    _at_zero: ClassVar[dict[str, int]] = {
        "exp": 1, "sin": 0, "cos": 1, "tan": 0, "atan": 0, "sinh": 0, "cosh": 1, "tanh": 0, "log_cosh": 0,
        "sqrt1p": 1, "sqrt1p_slope": 0,
    }  # fmt: skip

    def __init__(self, names: Sequence[str]) -> None:
        # Names such as w:0 are no identifiers, and polynomials do not need them.
        self.context = fmpq_mpoly_ctx.get(tuple(f"v{i}" for i in range(len(names))), Ordering.lex)
        self.one = self.context.constant(1)
        self.places = {n: i for i, n in enumerate(names)}

    def variable(self, name: str, ball: arb) -> RationalFunction:
        """One side of the box."""
        return RationalFunction(self.context.gens()[self.places[name]], self.one, ball)

    def number(self, q: Fraction) -> Any:
        constant = self.context.constant(fmpq(q.numerator, q.denominator))
        return RationalFunction(constant, self.one, exact(q))

    def pi(self) -> Any:
        raise Unclear("pi is no rational function")

    def ball(self, a: Any) -> arb:
        found: arb = a.ball
        return found

    def vanishes(self, a: Any) -> bool:
        return bool(a.n == 0)

    def power(self, a: Any, n: int) -> Any:
        return RationalFunction(a.n**n, a.d**n, Balls().power(a.ball, n))

    def modulus(self, a: Any) -> Any:
        return -a if self.sign(a) < 0 else a

    def nonnegative(self, a: Any) -> Any:
        return a

    def root(self, a: Any) -> Any:
        if self.vanishes(a):
            return a
        try:
            found = RationalFunction(a.n.sqrt(), a.d.sqrt(), arb(0))
        except (ArithmeticError, ValueError, DomainError):
            raise Unclear("a root is no rational function") from None
        raise_sign = self._sign_of_root(found, a)
        return found if raise_sign > 0 else -found

    def _sign_of_root(self, found: RationalFunction, a: Any) -> int:
        """The sign of a square root of a; only constants are told apart, everything else is Unclear."""
        if not (found.n.is_constant() and found.d.is_constant()):
            raise Unclear("the sign of a root is not decided")
        value = found.n.leading_coefficient() / found.d.leading_coefficient()
        found.ball = arb(value)
        return 1 if value > 0 else -1

    def apply(self, name: str, a: Any) -> Any:
        if self.vanishes(a) and name in self._at_zero:
            return self.number(Fraction(self._at_zero[name]))
        raise Unclear(f"{name} is no rational function")

    def extremum(self, a: Any, b: Any, least: bool) -> Any:
        return a if (self.sign(a - b) <= 0) == least else b

    def join(self, a: Any, b: Any) -> Any:
        raise Unclear("a set is no rational function")

    def spread(self, a: Any) -> Any:
        raise Unclear("a set is no rational function")
