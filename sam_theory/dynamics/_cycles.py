r"""Fixed points and two-cycles of one-dimensional maps in closed form, sign branch by sign branch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import sympy as sp

from sam_theory.arithmetic import closed_roots
from sam_theory.dynamics._inputs import check_loss
from sam_theory.dynamics._roots import Root, positive, quadratic_roots, same_points
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
        for root in branches.roots(branches.image(outer, inner) - branches.w):
            branches.keep(found, root, (branches.w,), outer, (inner,))
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
            for root in branches.roots(equation):
                if root.value(there - branches.w) != 0:
                    branches.keep(found, root, (branches.w, there), outer, (first, second))
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
        symbols = {n: s for n, s in map.symbols().items() if n in ("eta", "rho", "eps")}
        inward = {s: sp.Symbol(n, positive=True) for n, s in symbols.items()}
        self._outward = {p: s for s, p in inward.items()}
        self.w: sp.Symbol = next(iter(map.loss.coordinates()))
        self.step = self._signed(map.symbolic_step()[map.state[0]][0].xreplace(inward))
        self.slope = self._signed(map.jacobian[0, 0].xreplace(inward))
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

    def roots(self, e: sp.Expr) -> list[Root]:
        """Real zeros of ``e`` in w."""
        numerator = sp.numer(sp.together(e))
        if sp.expand(numerator) == 0:
            raise InputError(f"a whole branch of {self.map.rule.name} is periodic: no isolated orbit")
        try:
            factors = [factor for factor, _ in sp.factor_list(numerator)[1] if factor.has(self.w)]
        except sp.PolynomialError:
            factors = [numerator] if numerator.has(self.w) else []
        return [root for factor in factors for root in self._factor_roots(factor)]

    def _factor_roots(self, factor: sp.Expr) -> list[Root]:
        if not factor.is_polynomial(self.w):
            found = closed_roots(factor, self.w)
            if found is not None:
                return [Root(self.w, p) for p in found if p.is_real is not False]
        else:
            f = sp.Poly(factor, self.w)
            if f.degree() <= 2:
                return quadratic_roots(f)
            if f.degree() == 4 and all(n % 2 == 0 for (n,) in f.monoms()):
                squares = quadratic_roots(sp.Poly(factor.subs(self.w, sp.sqrt(self.w)), self.w))
                real = [(u.point, (*u.real, positive(u.point))) for u in squares]
                kept = [(sp.sqrt(u), c) for u, c in real if sp.false not in c]
                return [Root(self.w, s * p, c, f) for p, c in kept for s in (1, -1)]
        raise InputError(
            f"no closed form for the orbits of {self.map.rule.name} on {self.map.loss.name}: "
            f"{factor} = 0 is not solved; use simulate"
        )

    def keep(
        self,
        found: list[Orbit],
        root: Root,
        points: tuple[sp.Expr, ...],
        outer: Signs,
        inner: tuple[Signs, ...],
    ) -> None:
        """Add the orbit unless its branch contradicts it or it is known (from another point of the cycle).

        ``points`` are expressions in w, to be taken at ``root``.
        """
        conditions = [*(positive(s * a) for a, s in outer.items()), *root.real]
        slope: sp.Expr | None = sp.S.One
        for p, signs in zip(points, inner, strict=True):
            for argument, s in signs.items():
                at = root.value(argument.subs(self.w, p))
                if at is None or (s == 0 and at != 0):
                    return
                slope = None if s == 0 else slope
                conditions += [] if s == 0 else [positive(s * at)]
            slope = None if slope is None else slope * _assign(self.slope, {**outer, **signs}).subs(self.w, p)
        values = [v for v in (root.value(p) for p in points) if v is not None]
        if sp.false in conditions or len(values) < len(points):
            return
        multiplier = None if slope is None else root.value(slope)
        multipliers = None if multiplier is None else (multiplier.xreplace(self._outward),)
        orbit = Orbit(
            tuple(v.xreplace(self._outward) for v in values),
            multipliers,
            tuple(c.xreplace(self._outward) for c in dict.fromkeys(conditions) if c is not sp.true),
        )
        if not any(same_points(known.points, orbit.points) for known in found):
            found.append(orbit)


def _choices(arguments: list[sp.Expr], values: tuple[int, ...]) -> Iterator[dict[sp.Expr, int]]:
    for signs in product(values, repeat=len(arguments)):
        yield dict(zip(arguments, signs, strict=True))


def _assign(e: sp.Expr, signs: Signs) -> sp.Expr:
    return e.xreplace({sp.sign(a): sp.Integer(s) for a, s in signs.items()})
