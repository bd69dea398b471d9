"""Signs read off relations: right where they are read off, silent where the relations do not say."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sympy as sp

from sam_theory.engines._denominators import sign_under
from sam_theory.engines._factors import impossible_by_factors
from sam_theory.engines._flatten import compared, relation
from sam_theory.engines._polynomial import ANY, NEGATIVE, POSITIVE, ZERO
from sam_theory.engines._signs import Signs

x, y, z = sp.symbols("x y z", real=True)


def signs(*parts: Any) -> Signs:
    known = Signs()
    for part in parts:
        known.add(part)
    return known


@pytest.mark.parametrize(
    ("parts", "e", "expected"),
    [
        ([x > 0, y >= 0], 1 + x * y + x, POSITIVE),
        ([x >= 0, y >= 0], x * y + y, POSITIVE | ZERO),
        ([x < 0], x**3 - x**2, NEGATIVE),
        ([x > 0, x * y - 2 < 0], 6 - 3 * x * y, POSITIVE),
        ([x > 0, x * y - 1 < 0], 2 - x * y, POSITIVE),
        ([x > 0, x * y - 1 <= 0], 1 - x * y, POSITIVE | ZERO),
        ([sp.Ne(x - y, 0)], 2 * y - 2 * x, POSITIVE | NEGATIVE),
        ([x >= 0, sp.Ne(x, 0)], x, POSITIVE),
        ([x > 0, y - z > 0], x**2 * y - x**2 * z, POSITIVE),
        ([x < 0, y - z >= 0], x * y - x * z, NEGATIVE | ZERO),
        ([x < 0, x + y > 0], x * z**2 * (x + y), NEGATIVE | ZERO),
        ([y - z > 0], x * y - x * z, ANY),
        ([x > 0], x - y, ANY),
        ([x > 0, x * y - 2 < 0], 1 - x * y, ANY),
        ([x >= 0], x - 1, ANY),
        ([x > 0], sp.sqrt(x), ANY),
        ([], x**2, POSITIVE | ZERO),
    ],
)
def test_a_sign_is_read_off_where_the_relations_say_it(parts: list[Any], e: Any, expected: int) -> None:
    assert signs(*parts).of(e) == expected


def test_no_point_that_satisfies_the_relations_has_a_sign_that_was_excluded() -> None:
    values = [sp.Rational(k, 2) for k in (-5, -2, -1, 0, 1, 2, 5)]
    polynomials = [x, y - 1, x * y - 2, x - y, x**2 + x * y - 1, z - x, y * z, x * y * z - x + 1]
    relations = [r(p, 0) for p in polynomials for r in (sp.Gt, sp.Ge, sp.Lt, sp.Le, sp.Ne)]
    points = [dict(zip((x, y, z), v, strict=True)) for v in itertools.product(values, repeat=3)][::7]
    tables = {p: [sp.sign(p.subs(at)) for at in points] for p in polynomials}
    targets = [*polynomials, 3 - x * y, x + 2 * z - 3 * y]
    wanted = {e: [sp.sign(e.subs(at)) for at in points] for e in targets}
    said = {
        sp.Gt: lambda s: s > 0,
        sp.Ge: lambda s: s >= 0,
        sp.Lt: lambda s: s < 0,
        sp.Le: lambda s: s <= 0,
        sp.Ne: lambda s: s != 0,
    }
    bit = {-1: NEGATIVE, 0: ZERO, 1: POSITIVE}
    informative = 0
    for pair in list(itertools.combinations(relations, 2))[::5]:
        known = signs(*pair)
        meant = [
            (tables[next(p for p in polynomials if p == r.lhs)], next(f for k, f in said.items() if isinstance(r, k)))
            for r in pair
            if r.rhs == 0 and r.lhs in tables
        ]
        if len(meant) < 2:
            continue
        for e in targets:
            possible = known.of(e)
            informative += possible != ANY
            for i in range(len(points)):
                if all(f(table[i]) for table, f in meant):
                    assert possible & bit[int(wanted[e][i])], (pair, e, points[i])
    assert informative > 100


# -- signs of factors and compared extrema ------------------------------------------------------------------------
def impossible(parts: list[Any]) -> bool:
    return impossible_by_factors(parts, sign_under)


def test_a_product_is_refused_a_sign_where_one_factor_has_none() -> None:
    cube = (x + y) ** 3  # long enough to be asked for its factors
    product = sp.expand(cube * (x**2 + 1) * (y + 2))
    known = [relation(x, ">", 0), relation(y, ">", 0)]
    assert impossible([*known, relation(product, "<=", 0)])
    assert not impossible([*known, relation(product, ">", 0)])
    assert not impossible([relation(y, ">", 0), relation(product, "<=", 0)])  # x = −1, y = 1/2
    assert not impossible([*known, relation(sp.expand(product * (x - y)), "<=", 0)])  # x = 1, y = 2
    assert not impossible([relation(sp.expand(cube * (x - y) ** 2 * (x + 3)), "==", 0)])
    even = sp.expand((x + y + 1) ** 2 * (x - 2 * y) ** 4)
    assert not impossible([*known, relation(even, "<=", 0)])  # x = 2, y = 1
    assert impossible([*known, relation(x - 2 * y, "<", 0), relation(even, "<=", 0)])


@pytest.mark.parametrize("extremum", [sp.Min, sp.Max])
@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
def test_a_compared_extremum_holds_just_where_one_of_its_alternatives_does(extremum: Any, operator: str) -> None:
    for sides in ((extremum(x, y, 1), z), (z, extremum(x, y, 1))):
        part = relation(sides[0], operator, sides[1])
        for values in itertools.product((-1, 0, 1, 2), repeat=3):
            at = dict(zip((x, y, z), map(sp.Integer, values), strict=True))
            said = any(all(bool(r.subs(at)) for r in each) for each in compared(part))
            assert said is bool(part.subs(at)), (part, at)
