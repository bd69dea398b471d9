r"""Fixed points and two-cycles of one-dimensional maps in closed form, sign branch by sign branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import sympy as sp

from sam_theory.dynamics._inputs import check_loss
from sam_theory.errors import InputError

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map

Signs = Mapping[sp.Expr, int]


@dataclass(frozen=True)
class Orbit:
    r"""A periodic orbit by formula.

    ``points`` are visited in this order; ``multipliers`` are the eigenvalues of the derivative of the whole
    period, or None where the map jumps (a gradient that vanishes under a normalised step); ``conditions`` are
    what must hold besides η > 0, ρ > 0, ε > 0 for the orbit to exist.
    """

    points: tuple[sp.Expr, ...]
    multipliers: tuple[sp.Expr, ...] | None
    conditions: tuple[sp.Expr, ...] = ()


def fixed_points(map: Map) -> list[Orbit]:
    r"""All :math:`w=F(w)` that SymPy finds, for generic values of the parameters.

    Parameters
    ----------
    map : Map
        In one dimension, with one state vector, without schedule and noise.

    Returns
    -------
    list of Orbit
        With one point each, in the symbols ``map.symbols()``.

    Raises
    ------
    InputError
        If the map is not of this kind, or SymPy finds no closed form.

    Examples
    --------
    >>> from sam_theory.dynamics import Map, fixed_points
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import gd
    >>> fixed_points(Map(gd, Quadratic(2)))
    [Orbit(points=(0,), multipliers=(1 - 2*eta,), conditions=())]
    """
    branches = _Branches(map)
    found: list[Orbit] = []
    for outer, inner in branches.assignments():
        for p, real in branches.roots(branches.image(outer, inner) - branches.w):
            branches.keep(found, (p,), outer, (inner,), real)
    return found


def two_cycles(map: Map) -> list[Orbit]:
    r"""All pairs :math:`q=F(p),\ p=F(q),\ p\ne q` that SymPy finds, for generic values of the parameters.

    Parameters
    ----------
    map : Map
        As for :func:`fixed_points`.

    Returns
    -------
    list of Orbit
        With two points each, every cycle once.

    Raises
    ------
    InputError
        As for :func:`fixed_points`.

    Examples
    --------
    >>> from sam_theory.dynamics import Map, two_cycles
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import sam
    >>> [cycle] = two_cycles(Map(sam, Quadratic(1)))
    >>> cycle.points, cycle.multipliers, cycle.conditions
    ((-eta*rho/(eta - 2), eta*rho/(eta - 2)), ((eta - 1)**2,), (2 - eta > 0,))
    """
    branches = _Branches(map)
    found: list[Orbit] = []
    for outer, first in branches.assignments():
        there = branches.image(outer, first)
        for _, second in branches.assignments(outer):
            equation = branches.image(outer, second).subs(branches.w, there) - branches.w
            if first == second and there != branches.w:
                equation = sp.cancel(equation / (there - branches.w))  # without the fixed points
            for p, real in branches.roots(equation):
                q = _tidy(there.subs(branches.w, p))
                if _tidy(p - q) != 0:
                    branches.keep(found, (p, q), outer, (first, second), real)
    return found


class _Branches:
    """The step of a map with its signs as explicit branches, in symbols that know their domains."""

    def __init__(self, map: Map) -> None:
        check_loss(map.loss)
        if map.loss.dimension != 1 or len(map.state) != 1 or map.rule.noise or map.rule.uses_step_number:
            raise InputError(
                f"closed-form orbits need one dimension, one state vector, no schedule and no noise; "
                f"{map.rule.name} on {map.loss.name} is not of this kind, use simulate"
            )
        self.map = map
        positive = {s: sp.Symbol(n, positive=True) for n, s in map.symbols().items() if n in ("eta", "rho", "eps")}
        self._outward = {p: s for s, p in positive.items()}
        self.w: sp.Symbol = next(iter(map.loss.coordinates()))
        self.step = self._signed(map.symbolic_step()[map.state[0]][0].xreplace(positive))
        self.slope = self._signed(map.jacobian[0, 0].xreplace(positive))
        arguments = {a.args[0] for e in (self.step, self.slope) for a in e.atoms(sp.sign)}
        ordered = sorted(arguments, key=sp.default_sort_key)
        self.inner = [a for a in ordered if a.has(self.w)]
        self.outer = [a for a in ordered if not a.has(self.w)]

    def _signed(self, e: sp.Expr) -> sp.Expr:
        e = e.replace(sp.Abs, lambda a: a * sp.sign(a)).doit()
        if e.has(sp.Piecewise, sp.Min, sp.Max):
            raise InputError(f"the step of {self.map.rule.name} has branches other than signs; use simulate")
        # Positive factors, such as eta, do not matter under a sign.
        return e.replace(sp.sign, lambda a: sp.sign(sp.factor(a)))

    def assignments(self, outer: Signs | None = None) -> Iterator[tuple[Signs, Signs]]:
        """Every choice of signs: of the parameters' (never 0), and of those that depend on w."""
        for first in [outer] if outer is not None else _choices(self.outer, (1, -1)):
            for second in _choices(self.inner, (1, -1, 0)):
                yield first, second

    def image(self, outer: Signs, inner: Signs) -> sp.Expr:
        """F(w) on one branch."""
        return _assign(self.step, {**outer, **inner})

    def roots(self, e: sp.Expr) -> list[tuple[sp.Expr, list[sp.Expr]]]:
        """Real zeros of ``e`` in w, each with the conditions under which it is real."""
        numerator = sp.numer(sp.together(e))
        if sp.expand(numerator) == 0:
            raise InputError(f"every point of a branch of {self.map.rule.name} is periodic: no isolated orbit")
        found = []
        for factor, _ in sp.factor_list(numerator)[1]:
            if factor.has(self.w):
                found += self._factor_roots(factor)
        return found

    def _factor_roots(self, factor: sp.Expr) -> list[tuple[sp.Expr, list[sp.Expr]]]:
        if factor.is_polynomial(self.w):
            f = sp.Poly(factor, self.w)
            if f.degree() <= 2:
                return _quadratic(f)
            even = all(n % 2 == 0 for (n,) in f.monoms())
            if even and f.degree() == 4:
                squares = _quadratic(sp.Poly(factor.subs(self.w, sp.sqrt(self.w)), self.w))
                return [(s * sp.sqrt(u), [*real, _positive(u)]) for u, real in squares for s in (1, -1)]
        elif not factor.has(sp.Pow, sp.Function):
            return []
        raise InputError(
            f"no closed form for the orbits of {self.map.rule.name} on {self.map.loss.name} ({factor} = 0); use simulate"
        )

    def keep(
        self, found: list[Orbit], points: tuple[sp.Expr, ...], outer: Signs, inner: tuple[Signs, ...],
        real: list[sp.Expr],
    ) -> None:  # fmt: skip
        """Add the orbit unless its branch contradicts it or it is known (from another point of the cycle)."""
        conditions = [*(_positive(s * a) for a, s in outer.items()), *real]
        multiplier: sp.Expr | None = sp.S.One
        for p, signs in zip(points, inner, strict=True):
            for argument, s in signs.items():
                at = _tidy(argument.subs(self.w, p))
                if at.has(sp.zoo, sp.nan):
                    return
                if s == 0:
                    multiplier = None
                    conditions.append(sp.true if at == 0 else sp.false)
                else:
                    conditions.append(_positive(s * at))
            if multiplier is not None:
                multiplier *= _assign(self.slope, {**outer, **signs}).subs(self.w, p)
        if sp.false in conditions:
            return
        orbit = Orbit(
            tuple(p.xreplace(self._outward) for p in points),
            None if multiplier is None else (_tidy(multiplier).xreplace(self._outward),),
            tuple(c.xreplace(self._outward) for c in dict.fromkeys(conditions) if c is not sp.true),
        )
        for known in found:
            if set(known.points) == set(orbit.points) and set(known.conditions) == set(orbit.conditions):
                return
        found.append(orbit)


def _choices(arguments: list[sp.Expr], values: tuple[int, ...]) -> Iterator[dict[sp.Expr, int]]:
    for signs in product(values, repeat=len(arguments)):
        yield dict(zip(arguments, signs, strict=True))


def _assign(e: sp.Expr, signs: Signs) -> sp.Expr:
    return e.xreplace({sp.sign(a): sp.Integer(s) for a, s in signs.items()})


def _tidy(e: sp.Expr) -> sp.Expr:
    return sp.factor(sp.radsimp(sp.cancel(sp.together(e))))


def _quadratic(f: sp.Poly) -> list[tuple[sp.Expr, list[sp.Expr]]]:
    """The real roots of a polynomial of degree 1 or 2, with the condition of a positive discriminant."""
    if f.degree() == 1:
        return [(_tidy(-f.nth(0) / f.nth(1)), [])]
    a, b, c = f.nth(2), f.nth(1), f.nth(0)
    discriminant = sp.factor(b**2 - 4 * a * c)
    real = _positive(discriminant)
    if real is sp.false:
        return []
    return [(_tidy((-b + s * sp.sqrt(discriminant)) / (2 * a)), [real]) for s in (1, -1)]


def _positive(e: sp.Expr) -> sp.Expr:
    """e > 0 in a short form, for generic parameters; ``true`` or ``false`` where their domains decide it."""
    result = sp.S.One
    for factor in sp.Mul.make_args(sp.factor(e)):
        base, exponent = factor.as_base_exp()
        if factor.is_negative:
            result = -result
        elif not factor.is_positive and not (exponent.is_Integer and exponent % 2 == 0):
            result *= base if exponent.is_Integer else factor
    return sp.StrictGreaterThan(sp.expand(result), 0)
