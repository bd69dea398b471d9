"""Derivatives over rationals and balls, and the enclosures of single operations."""

from __future__ import annotations

import random
from fractions import Fraction as F
from typing import Any

import pytest
import sympy as sp
from flint import arb, fmpq
from mpmath import mp
from test_arithmetic import CASES, FIELD, IDS, Case, flat, program_of

from sam_theory.arithmetic import ELEMENTARY, Ball, Coordinates, Jet, Jets, NotExact, Rational, Undecided, lower
from sam_theory.arithmetic._scaled import Scaled
from sam_theory.errors import InputError

FUNCTIONS = sorted(Ball.functions)
MONOTONE_OR_EVEN = ["exp", "atan", "sinh", "cosh", "tanh", "log_cosh", "sqrt1p", "sqrt1p_slope"]


def number(a: F) -> arb:
    return arb(fmpq(a.numerator, a.denominator))


def ball(low: F, high: F) -> arb:
    return number(low).union(number(high))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_jets_have_the_values_of_the_table(case: Case) -> None:
    for base, lift in ((Rational(), F), (Ball(), number)):
        jets = Jets(1, base)

        def seeded(v: Any, jets: Jets = jets, lift: Any = lift) -> Any:
            return Coordinates(jets.seed(lift(a), 0) for a in v) if isinstance(v, tuple) else Jet(lift(v))

        env = {n: seeded(v) for n, v in case.inputs.items()}
        try:
            found = flat(jets.run(program_of(case), env, FIELD)["result"])
        except (NotExact, Undecided, InputError):
            continue
        for a, want in zip(found, flat(case.want), strict=True):
            value = a.value if isinstance(a, Jet) else a
            if isinstance(value, arb):
                assert value.overlaps(number(want)) if case.rational else abs(float(value.mid()) - want) < 1e-9
            else:
                assert value == want


@pytest.mark.parametrize("name", FUNCTIONS)
def test_slopes_are_those_of_sympy(name: str) -> None:
    z = sp.Symbol("z", real=True)
    function = ELEMENTARY[name]
    at = F(3, 7)
    found = Jets(1, Ball()).run(lower(function(z)), {"z": Jets(1, Ball()).seed(number(at), 0)})["result"]
    wanted = sp.diff(function(z), z).subs(z, sp.Rational(3, 7))
    assert abs(float(found.tangent[0].mid()) - float(sp.N(wanted, 30))) < 1e-14


@pytest.mark.parametrize("name", MONOTONE_OR_EVEN)
def test_wide_balls_are_enclosed_and_not_much_wider_than_the_range(name: str) -> None:
    rng = random.Random(name)
    reference = {
        "log_cosh": lambda x: mp.log(mp.cosh(x)),
        "sqrt1p": lambda x: mp.sqrt(1 + x * x),
        "sqrt1p_slope": lambda x: x / mp.sqrt(1 + x * x),
    }
    f = reference.get(name) or getattr(mp, name)
    for _ in range(40):
        low = F(rng.randint(-300, 300), 100)
        high = low + F(rng.randint(0, 300), 100)
        found = Ball().call(name, 0, ball(low, high))
        points = [low + (high - low) * F(i, 20) for i in range(21)]
        values = [f(mp.mpf(p.numerator) / p.denominator) for p in points]
        assert all(float(found.lower()) - 1e-12 <= v <= float(found.upper()) + 1e-12 for v in values)
        spread = float(max(values) - min(values))
        assert 2 * float(found.rad()) <= 1.2 * spread + 1e-6 * (1 + float(max(map(abs, values))))


def test_odd_powers_of_narrow_balls_around_0_are_narrow() -> None:
    b = Ball()
    for n in (1, 3):
        power = b.ipow(arb(0, 1e-16), n)
        assert power.contains(0)
        assert power.rad() < 2e-16
        assert power.contains(arb(-1e-17) ** n)


def test_even_powers_and_norms_of_balls_around_0_are_nonnegative() -> None:
    b = Ball()
    assert b.ipow(arb(0, 1), 2) >= 0
    assert b.norm(Coordinates([arb(0, 1), arb(0, 2)])) >= 0
    assert b.norm(Coordinates([arb(0, 1), arb(0, 2)])) < 2.3
    assert b.abs(arb(-1, 2)) < 3.001


def test_extrema_of_overlapping_balls_are_enclosed_and_other_branches_undecided() -> None:
    b, x, y = Ball(), arb(0, 1), arb("0.5", 1)
    assert b.select(x, y, x, y, True).contains(arb(-1)) and not b.select(x, y, x, y, True).contains(arb("1.2"))
    with pytest.raises(Undecided):
        b.select(x, y, arb(5), arb(7), True)


def test_kinks_stop_derivatives_and_only_widen_mean_value_forms() -> None:
    strict, wide = Jets(1, Ball()), Jets(1, Ball(), lipschitz=True)
    around = arb(0, 1)
    with pytest.raises(Undecided):
        strict.abs(strict.seed(around, 0))
    assert wide.abs(wide.seed(around, 0)).tangent[0].contains(arb(-1))
    with pytest.raises(Undecided):
        wide.sign(wide.seed(around, 0))
    with pytest.raises(Undecided):
        wide.unit(Coordinates([wide.seed(around, 0), wide.seed(around, 0)]), 0, "add")


def test_a_common_factor_does_not_blur_a_unit_vector() -> None:
    b = Ball()
    v = b.mul(arb("0.5", "0.4"), Coordinates([arb(3), arb(4)]))
    assert isinstance(v, Scaled)
    u = b.unit(v, 0, "add")
    assert float(u[0].rad()) < 1e-12 and u[0].contains(number(F(3, 5)))
    assert b.unit(b.mul(arb(-2), Coordinates([arb(3), arb(4)])), 0, "add")[1].contains(number(F(-4, 5)))
    assert list(b.unit(b.mul(arb(0), Coordinates([arb(3), arb(4)])), 0, "add")) == [0, 0]
    with pytest.raises(Undecided):
        b.unit(b.mul(arb(0, 1), Coordinates([arb(3), arb(4)])), 0, "add")
