"""Collapses of SAM onto the flattest point from starts that are on no attracting cycle, against simulated orbits."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import sympy as sp
from flint import arb

from sam_theory import Product, library
from sam_theory.engines._asymptotic import exact_leading_term
from sam_theory.engines._leading import Leading, Unknown
from sam_theory.engines._search import confirm_at
from sam_theory.engines._shape import RationalMap, arrives, attraction, exactly, fundamental_domain
from sam_theory.losses import Link
from sam_theory.theorems import weakenings_of
from sam_theory.theorems._claims import Asymptotic

NAMED = {t.slug: t for t in library()}
COLLAPSE = NAMED["sam-terminal-phase-product.collapse"]
x = sp.Symbol("x", real=True)
half = sp.Rational(1, 2)


def at_numbers(p: Fraction, eta: Fraction) -> Leading | str:
    """The limit of y⁺/y on ½(xy)² with ρ = 1 from the start that belongs to ``p``."""
    claim = COLLAPSE.expanded_claim
    assert isinstance(claim, Asymptotic)
    symbols = {s.name: s for s in COLLAPSE.symbols}
    numbers = {symbols["p"]: p, symbols["eta"]: eta, symbols["rho"]: Fraction(1)}
    hypotheses = tuple(sp.Eq(s, sp.Rational(v.numerator, v.denominator)) for s, v in numbers.items())
    link = Product(Link("z**2/2", "z**2/2", even=True), 1)
    there = COLLAPSE.with_(
        slug="numbers", status="quoted", loss=link, claim=claim, where={}, hypotheses=hypotheses, proof=()
    )
    return exact_leading_term(there)


def simulated(p: Fraction, eta: Fraction, y: float = 1e-4) -> float:
    """The same ratio in floats, when y has become tiny."""
    a, b, h = float((1 - p) / (p * (1 + p))) * y**2, y, float(eta)
    ratio = math.nan
    while 1e-60 < abs(b) < 1:
        r, sign = math.hypot(a, b), math.copysign(1, a * b)
        up, vp = a + sign * b / r, b + sign * a / r
        a, b, before = a - h * up * vp * vp, b - h * up * vp * up, b
        ratio = b / before
        if ratio < 0:
            return ratio
    return ratio


def belongs(p: Fraction) -> Fraction:
    return p * (1 - p**2) / (1 + p**2)


@pytest.mark.parametrize(
    ("p", "rate"),
    [("3/5", "3/5"), ("1/3", "1/3"), ("3/10", "3/10"), ("3/5", "7/10")],
)
def test_the_limit_along_the_orbit_is_that_of_a_simulated_one(p: str, rate: str) -> None:
    """On the attracting cycle, on the repelling one (p⁴+4p² < 1), and off both, at the η of another rate."""
    start, eta = Fraction(p), belongs(Fraction(rate))
    found = at_numbers(start, eta)
    assert isinstance(found, Leading)
    assert float(found.term) == pytest.approx(simulated(start, eta), rel=1e-5)


@pytest.mark.parametrize(("p", "rate"), [("2/5", "2/5"), ("3/10", "7/10")])
def test_an_orbit_that_is_not_seen_to_collapse_has_no_limit(p: str, rate: str) -> None:
    """From p = 2/5 the orbit leaves the repelling cycle on the other side, where ω grows until y turns its sign."""
    assert isinstance(at_numbers(Fraction(p), belongs(Fraction(rate))), str)
    assert p != rate or simulated(Fraction(p), belongs(Fraction(rate))) < 0


def test_each_relation_of_the_collapse_is_needed() -> None:
    shown = {one.name: one for one in weakenings_of(COLLAPSE)}
    (tied,) = [one for name, one in shown.items() if name.startswith("Eq(eta")]
    assert tied.shown is not None
    found = confirm_at(tied.where_it_fails, tied.shown)
    assert found is not None and found.observed == "7/6"
    assert confirm_at(tied.statement.with_(hypotheses=COLLAPSE.hypotheses), tied.shown) is None


def test_orbits_of_a_rational_map_are_followed_to_what_attracts_them() -> None:
    g = sp.Rational(5, 2) * x * (1 - x)  # fixed: 0 with slope 5/2, 3/5 with slope −1/2
    image, slope = RationalMap(g, x), RationalMap(sp.diff(g, x), x)
    one, falling = RationalMap(sp.S.One, x), RationalMap(half - x, x)
    goal = attraction(slope, exactly(sp.Rational(3, 5)))
    assert goal.contains(exactly(sp.Rational(3, 5))) and not goal.contains(arb(0))
    assert arrives(image, slope, one, exactly(sp.Rational(1, 10)), goal)
    assert not arrives(image, slope, falling, exactly(sp.Rational(1, 10)), goal)  # 1/2 − x turns negative on the way
    assert not arrives(image, slope, one, exactly(sp.Integer(2)), goal)  # to −5, and away
    assert not arrives(image, slope, one, arb(0.5, 0.5), goal)  # it holds 0, which stays
    with pytest.raises(Unknown, match="contracted"):
        attraction(slope, exactly(sp.Rational(1, 100)))


@pytest.mark.parametrize("direction", [1, -1])
def test_every_orbit_that_leaves_a_repelling_point_passes_its_domain(direction: int) -> None:
    image, slope, one = (RationalMap(e, x) for e in (x**2, 2 * x, sp.S.One))
    pieces = fundamental_domain(image, slope, one, arb(1), direction)
    far = 1 + direction * 1e-6
    while abs(far - 1) < 0.1:
        far = far**2
    seen = [far, far**2, far**4, far**8]
    assert any(piece.contains(arb(a)) for piece in pieces for a in seen)
    assert not any(piece.contains(arb(1)) for piece in pieces)
    with pytest.raises(Unknown, match="repel"):
        fundamental_domain(RationalMap(x / 2 + half, x), RationalMap(half, x), one, arb(1), direction)
