r"""Where a multiplier reaches the unit circle: conditions, their closed forms, and certified enclosures.

For a block M with characteristic polynomial P the conditions are P(1) = 0, P(−1) = 0 and, from two dimensions on,
det(I − M⁽²⁾) = 0 with the second compound matrix M⁽²⁾, whose eigenvalues are the products of two different multipliers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Any

import sympy as sp
from flint import arb, ctx

from sam_theory.arithmetic import Ball, Jet, Jets, NotExact, Undecided, lower
from sam_theory.engines._ball._box import ball_of, exact_ball
from sam_theory.errors import InputError
from sam_theory.lab._formulas import simpler
from sam_theory.lab._laws import needed

__all__ = [
    "CONDITIONS",
    "LONGEST",
    "Critical",
    "Roots",
    "certified_roots",
    "characteristic",
    "closed_forms",
    "condition",
    "sign_on",
    "with_numbers",
]

_PRECISION = 160
#: Operations in a closed form that one can still read; longer ones are not given.
LONGEST = 60
#: Cells of an interval that are looked at before the rest is left unresolved.
_CELLS = 20_000
#: The width of an enclosure, relative to the interval, and that of cells that are not split any more.
_NARROW, _SMALLEST = Fraction(1, 10**15), Fraction(1, 2**24)
#: Where an interval is split: not in the middle, where thresholds like to lie.
_SPLIT = Fraction(487, 1000)

_Z = sp.Symbol("z")
#: What happens where a condition holds, at a fixed point and at a symmetric 2-cycle (whose return map is a square).
CONDITIONS = {
    "fixed point": {1: "fold", -1: "flip", 0: "Neimark-Sacker"},
    "2-cycle": {1: "symmetry breaking", -1: "fold", 0: "Neimark-Sacker"},
}


@dataclass(frozen=True)
class Critical:
    """A value of a parameter, or a place on the manifold, at which a multiplier has modulus 1.

    Parameters
    ----------
    parameter : str
    kind : str
        ``fold``, ``flip``, ``Neimark-Sacker``, ``symmetry breaking``.
    orbit, direction : str
        Whose multiplier it is.
    law : Expr or None
        The closed form in the curvature ``lam`` (``lam_j`` of another direction) and the parameters.
    formula : Expr or None
        The same with the curvature of the place and the given numbers put in.
    positive : tuple of Expr
        What must be positive for the closed form to be real, positive and on the unit circle.
    enclosure : (Fraction, Fraction) or None
        An interval that contains exactly one solution, proved by signs and a derivative in ball arithmetic.
    """

    parameter: str
    kind: str
    orbit: str
    direction: str
    law: sp.Expr | None = None
    formula: sp.Expr | None = None
    positive: tuple[sp.Expr, ...] = ()
    enclosure: tuple[Fraction, Fraction] | None = None

    @property
    def value(self) -> float | None:
        """The number, where there is one."""
        if self.enclosure is not None and self.enclosure[0] <= 0 <= self.enclosure[1]:
            return 0.0
        if self.enclosure is not None:
            return float(sum(self.enclosure) / 2)
        if self.formula is None or self.formula.free_symbols:
            return None
        number = complex(sp.N(self.formula, 17))
        return number.real if abs(number.imag) <= 1e-12 * abs(number) else None


def characteristic(block: sp.Matrix) -> sp.Expr:
    """P(z) of a block."""
    return sp.expand((_Z * sp.eye(block.rows) - block).det())


def condition(block: sp.Matrix, which: int) -> tuple[sp.Expr, tuple[sp.Expr, ...]] | None:
    """What vanishes where a multiplier is 1, −1 or (0) two have the product 1; what must be positive besides.

    None where a block is too small.  From three dimensions on a real pair m, 1/m is not told from a complex one.
    """
    if which:
        return sp.factor(characteristic(block).subs(_Z, which)), ()
    n = block.rows
    if n < 2:
        return None
    pairs = list(combinations(range(n), 2))
    compound = sp.Matrix([[block[list(p), list(q)].det() for q in pairs] for p in pairs])
    found = sp.factor((sp.eye(len(pairs)) - compound).det())
    return found, (2 - block.trace(), 2 + block.trace()) if n == 2 else ()


def closed_forms(
    e: sp.Expr, unknown: sp.Symbol, positive: tuple[sp.Expr, ...] = ()
) -> list[tuple[sp.Expr, tuple[sp.Expr, ...]]] | None:
    """Solutions of e = 0 and what must be positive for each to be real (and positive, if the unknown is).

    None where a factor is not algebraic in the unknown, or has no short formula.
    """
    found: list[tuple[sp.Expr, tuple[sp.Expr, ...]]] = []
    for factor in sp.Mul.make_args(sp.factor(sp.numer(sp.together(e)))):
        base = factor.as_base_exp()[0]
        if unknown not in base.free_symbols:
            continue
        if not base.is_polynomial(unknown):
            return None
        roots = _roots(sp.Poly(base, unknown))
        if roots is None or any(sp.count_ops(root) > LONGEST for root in roots):
            return None
        for root in roots:
            radicands = [p.base for p in root.atoms(sp.Pow) if p.exp.is_Rational and p.exp.q == 2]
            at = [sp.factor(sp.together(c.subs(unknown, root))) for c in positive]
            needs = needed([*radicands, *([root] if unknown.is_positive else []), *at])
            if needs is not None and root.is_real is not False and not any(sp.expand(root - r) == 0 for r, _ in found):
                found.append((simpler(root), needs))
    return found


def _roots(p: sp.Poly) -> list[sp.Expr] | None:
    """Roots of degree 1 and 2, also in a power of the unknown; signs of roots of squares are taken both ways."""
    x, coefficients = p.gen, p.all_coeffs()
    if p.degree() == 1:
        return [sp.factor(-coefficients[1] / coefficients[0])]
    if p.degree() == 2:
        a, b, c = coefficients
        middle, spread = -b / (2 * a), sp.sqrt(sp.factor((b * b - 4 * a * c) / (4 * a * a)))
        return [sp.factor(middle) + s * spread for s in (1, -1)]
    step = sp.igcd(*(n for (n,) in p.monoms()))
    if step != 2:
        return None
    inner = _roots(sp.Poly({(n // 2,): c for (n,), c in p.terms()}, x))
    return None if inner is None else [s * sp.sqrt(simpler(r)) for r in inner for s in (1, -1)]


# -- certified numbers -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Roots:
    """All zeros in an interval: one in each of ``enclosures``, perhaps some in ``unresolved``, none elsewhere."""

    enclosures: tuple[tuple[Fraction, Fraction], ...]
    unresolved: tuple[tuple[Fraction, Fraction], ...]


def certified_roots(e: sp.Expr, name: str, low: Fraction, high: Fraction) -> Roots:
    """The zeros of a formula of one variable in [low, high].

    An interval without zero has an enclosure of e away from 0; one with a single zero has e′ away from 0 and different
    signs of e at its ends.  Multiple zeros, poles and kinks stay unresolved, in cells of 2^-24 of the interval.

    Raises InputError for a formula with other free symbols, or an empty interval.
    """
    others = sorted(s.name for s in e.free_symbols if s.name != name)
    if others:
        raise InputError(f"certified values of {name} need a number for {', '.join(others)}")
    if low >= high:
        raise InputError(f"the interval of {name} is [{low}, {high}]; give a lower end below the higher")
    before = ctx.prec
    ctx.prec = _PRECISION
    try:
        return _isolated(_function(e, name), low, high)
    finally:
        ctx.prec = before


_Function = Callable[[arb], "tuple[arb, arb] | None"]


def _function(e: sp.Expr, name: str) -> _Function:
    """e and its derivative over a ball; None where it has none."""
    program, jets = lower(e), Jets(1, Ball())

    def evaluate(ball: arb) -> tuple[arb, arb] | None:
        try:
            result = jets.run(program, {name: jets.seed(ball, 0)})["result"]
        except (Undecided, NotExact, ArithmeticError, ValueError):
            return None
        value = result.value if isinstance(result, Jet) else result
        slope = jets.slopes(result)[0]
        return (value, slope) if value.is_finite() and slope.is_finite() else None

    return evaluate


def sign_on(e: sp.Expr, name: str, interval: tuple[Fraction, Fraction]) -> int:
    """The sign of a formula on an interval; 0 where it is not seen."""
    before = ctx.prec
    ctx.prec = _PRECISION
    try:
        there = _function(e, name)(ball_of(*interval))
        return 0 if there is None or there[0].contains(0) else 1 if there[0] > 0 else -1
    finally:
        ctx.prec = before


def _isolated(f: _Function, low: Fraction, high: Fraction) -> Roots:
    whole = high - low
    found: list[tuple[Fraction, Fraction]] = []
    unresolved: list[tuple[Fraction, Fraction]] = []
    cells, seen = [(low, high)], 0
    while cells:
        a, b = cells.pop()
        seen += 1
        answer = _cell(f, a, b)
        if answer is None and (b - a > _SMALLEST * whole) and seen < _CELLS:
            middle = (a + (b - a) * _SPLIT).limit_denominator(2**60)
            cells += [(middle, b), (a, middle)]
        elif answer is None:
            unresolved.append((a, b))
        elif answer:
            x, y = _narrowed(f, *answer, _NARROW * whole)
            if y < low or x > high or (found and x <= found[-1][1]):
                continue  # outside of the interval, or on the border of two cells and listed
            found.append((x, y))
    return Roots(tuple(found), tuple(_merged(unresolved)))


def _cell(f: _Function, a: Fraction, b: Fraction) -> tuple[Fraction, Fraction] | tuple[()] | None:
    """An interval with exactly one zero that covers those of [a, b]; () for none, None for unknown."""
    there = f(ball_of(a, b))
    if there is None:
        return None
    value, slope = there
    middle = f(exact_ball((a + b) / 2))
    if not value.contains(0) or (
        middle and not (middle[0] + slope * (ball_of(a, b) - exact_ball((a + b) / 2))).contains(0)
    ):
        return ()
    if slope.contains(0):
        return None
    for margin in (Fraction(0), (b - a) / 7):  # a zero at an end has no sign there
        x, y = a - margin, b + margin
        wider = f(ball_of(x, y))
        if wider is None or wider[1].contains(0):
            return None
        left, right = _sign_at(f, x), _sign_at(f, y)
        if left and right:
            return (x, y) if left != right else ()
    return None


def _sign_at(f: _Function, x: Fraction) -> int:
    there = f(exact_ball(x))
    return 0 if there is None or there[0].contains(0) else 1 if there[0] > 0 else -1


def _narrowed(f: _Function, a: Fraction, b: Fraction, width: Fraction) -> tuple[Fraction, Fraction]:
    """The same zero in an interval that is as narrow as the precision allows."""
    left = _sign_at(f, a)
    while b - a > width:
        for share in (Fraction(1, 2), Fraction(2, 5), Fraction(4, 7)):
            middle = a + (b - a) * share
            middle = Fraction(int(middle * 2**90), 2**90)
            sign = _sign_at(f, middle)
            if sign:
                break
        else:
            return a, b
        a, b = (middle, b) if sign == left else (a, middle)
    return a, b


def _merged(cells: list[tuple[Fraction, Fraction]]) -> Iterator[tuple[Fraction, Fraction]]:
    cells = sorted(cells)
    while cells:
        a, b = cells.pop(0)
        while cells and cells[0][0] <= b:
            b = max(b, cells.pop(0)[1])
        yield a, b


def with_numbers(e: sp.Expr, values: Mapping[str, Any], skip: str = "") -> sp.Expr:
    """A formula with numbers for the symbols of these names, but for one."""
    swap = {s: sp.sympify(values[s.name]) for s in e.free_symbols if s.name in values and s.name != skip}
    return e.subs(swap) if swap else e
