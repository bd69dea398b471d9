"""Candidates for the answer, the ones that reach farthest first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.engines._synthesize import _algebra
from sam_theory.engines._synthesize._conditions import Condition, premises
from sam_theory.engines._synthesize._question import Question, truth

Point = Mapping[sp.Symbol, sp.Rational]

_VALUES = tuple(sp.Rational(*v) for v in ((1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (3, 2), (1, 5), (4, 1), (1, 10)))
_POINTS, _MOST = 4, 10


def candidates(question: Question, conditions: list[Condition]) -> list[sp.Expr]:
    """Expressions in the other parameters where a condition may begin to fail."""
    u = question.unknown
    points = sample_points(question)
    if not points:
        return []
    allowed = set(question.theorem.symbols) - {u}
    polynomials: dict[sp.Expr, None] = {}
    if question.factor_of is not None:
        polynomials[u - 1] = None  # the constant of the statement itself
    for c in conditions:
        own = _algebra.of_relations([c.goal, *c.context])
        for state in c.states:
            own = _algebra.project(own, state) if len(c.states) == 1 else [p for p in own if not p.has(state)]
        polynomials.update(dict.fromkeys(own))
    polynomials.update(dict.fromkeys(_algebra.of_relations(premises(question))))
    ends = _algebra.of_relations([h for h in question.theorem.all_hypotheses if u not in h.free_symbols])
    for p, end in itertools.product([p for p in polynomials if p.has(u)], ends):
        for s in sorted(p.free_symbols & end.free_symbols - {u}, key=lambda x: x.name):
            polynomials.update(dict.fromkeys(_algebra.project([p, end], s)))
    found: list[tuple[float, sp.Expr]] = []
    values: set[tuple[str, ...]] = set()
    for p in polynomials:
        if not p.has(u):
            continue
        for root in _algebra.roots(p.subs(question.at), u):
            key = _values(root, u, points) if root.free_symbols <= allowed else None
            if key is not None and key not in values:
                values.add(key)
                found.append((float(key[0]), root))
    found.sort(key=lambda pair: pair[0], reverse=question.largest)
    return [tidy(e) for _, e in found[:_MOST]]


def _values(root: sp.Expr, u: sp.Symbol, points: list[Point]) -> tuple[str, ...] | None:
    """The root at the sample points as texts, None unless it is real, and somewhere of the sign of the unknown."""
    found = []
    fits = not (u.is_positive or u.is_nonnegative)
    for point in points:
        value = sp.N(root.subs(point), 30)
        if not value.is_Float and not value.is_Integer and not value.is_Rational:
            return None
        fits = fits or value > 0 or (value == 0 and not u.is_positive)
        found.append(sp.sstr(sp.N(value, 20)))
    return tuple(found) if fits else None


def plausible(question: Question, conditions: list[Condition], value: sp.Expr) -> bool:
    """Whether no condition is seen to fail at a few instances inside of ``value``: saves hopeless proofs."""
    for point in sample_points(question):
        exact = value.subs(point)
        for distance in (sp.Rational(1, 64), sp.Rational(1, 3)):
            inside = sp.Rational(str(sp.N(question.moved(exact, -distance), 12))) if exact.is_number else None
            if inside is None or (question.unknown.is_positive and inside <= 0):
                continue
            values = {**point, question.unknown: inside}
            if any(_fails(c, values) for c in conditions):
                return False
    return True


def _fails(c: Condition, values: Mapping[sp.Symbol, sp.Rational]) -> bool:
    swapped = {**values, **{a: b.subs(values) for a, b in c.swap}}
    swapped |= dict.fromkeys(c.states, sp.S.One)
    if truth(c.goal, swapped) is not False:
        return False
    return all(truth(r, swapped) for r in (*c.assumptions, *c.context))


def tidy(e: sp.Expr) -> sp.Expr:
    """A closed form that reads well."""
    if not e.free_symbols:
        return sp.radsimp(e)
    forms = [e, sp.factor(e), sp.simplify(e)]
    return min(forms, key=lambda f: (f.count_ops(), len(str(f))))


def sample_points(question: Question, count: int = _POINTS) -> list[Point]:
    """Rational values of the other parameters that satisfy the hypotheses which do not speak of the unknown."""
    u = question.unknown
    free = [s for s in question.theorem.symbols if s != u]
    hypotheses = [h for h in question.theorem.all_hypotheses if u not in h.free_symbols]
    rng = np.random.default_rng(0)
    found: list[Point] = []
    moving = [s for s in free if s not in question.at]
    simple = itertools.product(_VALUES[:3], repeat=len(moving)) if len(moving) <= 4 else ()
    drawn = ([_VALUES[i] for i in rng.integers(0, len(_VALUES), len(moving))] for _ in range(400))
    for row in itertools.chain(simple, drawn):
        point = dict(question.at) | dict(zip(moving, row, strict=True))
        if point not in found and all(truth(h, point) for h in hypotheses):
            found.append(point)
        if len(found) >= 30 or (not moving and found):
            break
    if len(found) <= count:
        return found
    # the simplest first, then points in general position
    rest = [found[i] for i in rng.choice(np.arange(1, len(found)), count - 1, replace=False)]
    return [found[0], *rest]


def fraction_beyond(question: Question, value: sp.Expr, distance: Fraction) -> Fraction:
    """A rational just beyond an exact value, at about the relative ``distance``."""
    target = question.moved(value, sp.Rational(distance.numerator, distance.denominator))
    if target.is_Rational:
        return Fraction(int(target.p), int(target.q))
    digits = 12
    numerator: Any = sp.floor(target * 10**digits) if question.largest else sp.ceiling(target * 10**digits)
    return Fraction(int(numerator), 10**digits)
