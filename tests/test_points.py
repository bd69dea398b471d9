"""Rational points of relations: what is returned satisfies them all, by SymPy's own arithmetic."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sympy as sp

from sam_theory.engines import _smt
from sam_theory.engines._points import rational_point

X, Y, Z = SYMBOLS = sp.symbols("x y z", real=True)
_OPERATORS = (sp.StrictLessThan, sp.LessThan, sp.StrictGreaterThan, sp.GreaterThan, sp.Eq, sp.Ne)


def _random_relations(rng: random.Random) -> list[Any]:
    def atom() -> Any:
        return rng.choice([*SYMBOLS, sp.Rational(rng.randint(-3, 3), rng.randint(1, 3))])

    def expression() -> Any:
        a, b, c = atom(), atom(), atom()
        return rng.choice(
            [a * b - c, a + b**2, sp.Abs(a - b) * c, sp.Max(a, b) - c, sp.sqrt(sp.Abs(a)) + b, a / (X + 2 * b)]
        )

    return [rng.choice(_OPERATORS)(expression(), atom(), evaluate=False) for _ in range(rng.randint(1, 5))]


def test_a_point_satisfies_every_relation() -> None:
    rng = random.Random(5)
    met = 0
    for _ in range(100):
        relations = _random_relations(rng)
        point = rational_point(relations)
        if point is None:
            continue
        met += 1
        values = {x: sp.Rational(int(point[x.name].p), int(point[x.name].q)) for x in SYMBOLS if x.name in point}
        for r in relations:
            sides = r.lhs.subs(values), r.rhs.subs(values)
            assert all(side.is_finite and side.is_real for side in sides)
            assert r.func(*sides) == sp.true
    assert met > 40


@pytest.mark.parametrize(
    "relations",
    [
        [X > 0, X < 0],
        [sp.Eq(X, 1), sp.Ne(X, 1)],
        [sp.Eq(X**2, 2)],  # a solution, but no rational one
        [sp.Eq(X**2 + Y**2, -1)],
        [sp.Eq(X, 0), sp.Ge(1 / X, 0, evaluate=False)],
        [sp.Eq(X, -1), sp.Ge(sp.sqrt(X) - sp.sqrt(X - 1) + Y, -7, evaluate=False)],
        [X > Y, Y > Z, Z > X],
        [X > 0, sp.false],
        [sp.Lt(1, 0, evaluate=False)],
        [sp.Or(X > 0, Y > 0)],
    ],
)
def test_no_point_is_made_up(relations: list[Any]) -> None:
    assert rational_point(relations) is None


def test_equations_are_solved_for_their_last_symbol() -> None:
    point = rational_point([X > 0, sp.Eq(X * Y, 7), sp.Eq((Y + 1) * Z, X), Z < 1])
    assert point is not None
    assert point["x"] * point["y"] == 7 and (point["y"] + 1) * point["z"] == point["x"]


def test_a_point_and_the_solver_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(8)
    systems = [tuple(_random_relations(rng)) for _ in range(20)]
    with_points = [_smt.satisfiable(s, 200_000) for s in systems]
    _smt._consistent.cache_clear()
    monkeypatch.setattr(_smt, "rational_point", lambda relations: None)
    for system, found in zip(systems, with_points, strict=True):
        assert _smt.satisfiable(system, 200_000) in (found, None)
    _smt._consistent.cache_clear()
