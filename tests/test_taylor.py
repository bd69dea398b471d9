"""Taylor polynomials along lines: SymPy's derivatives, one-sided ones at kinks, none where there are none."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy as sp

from sam_theory.arithmetic import Ball, Coordinates, PythonFloat, Rational, Taylor, Undecided, lower
from sam_theory.dynamics import Map
from sam_theory.losses import Expression, Product, log_cosh
from sam_theory.rules import sam

T = sp.Symbol("t", real=True)
X = sp.Symbol("x", real=True)


@pytest.mark.parametrize(
    "text",
    [
        "exp(x)*sin(x)/(2+cos(x))",
        "log(2+x**2)**3",
        "tan(x/2)+atan(3*x)",
        "sinh(x)*cosh(2*x)-tanh(x)",
        "sqrt(1+x**2)/x",
        "log(cosh(x))**2",
        "(1+x)**(-3)+x**5",
        "abs(x)*x**2+sign(x)",
        "Max(x, x**2)",
        "(2+x)**Rational(3, 2)",
    ],
)
def test_coefficients_are_the_derivatives(text: str) -> None:
    e = sp.sympify(text.replace("abs", "Abs"), locals={"x": X})
    arithmetic = Taylor(4, PythonFloat())
    place, direction = 0.7, -1.3
    (line,) = arithmetic.line([place], [direction])
    found = arithmetic.coefficients(arithmetic.run(lower(e), {"x": line})["result"])
    smooth = e.subs(X, sp.Rational(7, 10) - sp.Rational(13, 10) * T).rewrite(sp.Piecewise)
    for k, c in enumerate(found):
        expected = float(sp.N(sp.diff(smooth, T, k).subs(T, 0)) / sp.factorial(k))
        assert c == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_a_step_of_sam_in_two_dimensions_has_the_derivatives_of_its_formula() -> None:
    x, y = sp.symbols("x y", real=True)
    loss = Expression(x**2 / 2 + x * y**2 + 2 * y**2, ["x", "y"])
    here = Map(sam, loss)
    eta, rho, terms = Fraction(1, 5), Fraction(1, 7), 4
    arithmetic = Taylor(terms, Ball())
    point, direction = (Fraction(1, 2), Fraction(1)), (Fraction(1, 3), Fraction(-1))
    number = arithmetic.base.number
    line = arithmetic.line([number(c) for c in point], [number(c) for c in direction])
    env = {"eta": arithmetic.number(eta), "rho": arithmetic.number(rho)}
    image = here.step(arithmetic, {"w": line}, env)["w"]
    # The same by SymPy's series of each part: gradient, its norm, gradient at the ascent point.
    gradient = [sp.expand(sp.diff(loss.expression, v).subs({x: sp.Rational(1, 2) + T / 3, y: 1 - T})) for v in (x, y)]
    size = sp.sqrt(sp.expand(sum(g**2 for g in gradient)))
    start = (sp.Rational(1, 2) + T / 3, 1 - T)
    ascent = [c + sp.Rational(1, 7) * g / size for c, g in zip(start, gradient, strict=True)]
    ascent = [sp.series(a, T, 0, terms).removeO() for a in ascent]
    for i, v in enumerate((x, y)):
        after = (
            start[i] - sp.diff(loss.expression, v).subs(dict(zip((x, y), ascent, strict=True)), simultaneous=True) / 5
        )
        expected = sp.Poly(sp.expand(after), T)
        for k, c in enumerate(arithmetic.coefficients(image[i])):
            assert float(c.mid()) == pytest.approx(float(expected.coeff_monomial(T**k)), rel=1e-13)


def test_rational_coefficients_are_exact() -> None:
    arithmetic = Taylor(5, Rational())
    (line,) = arithmetic.line([Fraction(0)], [Fraction(1)])
    geometric = 1 / (1 - line)
    assert arithmetic.coefficients(geometric) == [1, 1, 1, 1, 1]


def test_a_kink_has_no_derivatives_but_one_sided_ones() -> None:
    smooth, sided = Taylor(4, Rational()), Taylor(4, Rational(), one_sided=True)
    (a,), (b,) = (t.line([Fraction(0)], [Fraction(-1)]) for t in (smooth, sided))
    with pytest.raises(Undecided):
        smooth.abs(a)
    with pytest.raises(Undecided):
        smooth.select(a, smooth.number(Fraction(0)), a, a * a, True)
    assert sided.coefficients(sided.abs(b) * b) == [0, 0, -1, 0]
    with pytest.raises(Undecided):
        smooth.norm(smooth.line([Fraction(0), Fraction(0)], [Fraction(3), Fraction(4)]))
    norm = sided.norm(sided.line([Fraction(0), Fraction(0)], [Fraction(3), Fraction(4)]))
    assert sided.coefficients(norm) == [0, 5, 0, 0]


@pytest.mark.parametrize("normalisation", ["max", "sqrt"])
def test_a_regularised_unit_vector_is_smooth_at_0(normalisation: str) -> None:
    arithmetic = Taylor(4, Rational())
    (u,) = arithmetic.unit(Coordinates(arithmetic.line([Fraction(0)], [Fraction(2)])), Fraction(1, 2), normalisation)
    assert arithmetic.coefficients(u) == [0, 4, 0, 0 if normalisation == "max" else -32]


def test_the_unit_vector_divided_by_norm_plus_eps_has_a_kink_in_its_second_derivative() -> None:
    smooth, sided = Taylor(3, Rational()), Taylor(3, Rational(), one_sided=True)
    for direction, second in ((1, -1), (-1, 1)):
        line = sided.line([Fraction(0)], [Fraction(direction)])
        (u,) = sided.unit(line, Fraction(1), "add")
        assert sided.coefficients(u) == [0, direction, second]
    with pytest.raises(Undecided):
        smooth.unit(smooth.line([Fraction(0)], [Fraction(1)]), Fraction(1), "add")


def test_a_pole_is_refused() -> None:
    arithmetic = Taylor(3, Rational())
    (line,) = arithmetic.line([Fraction(0)], [Fraction(1)])
    with pytest.raises(Undecided):
        1 / line


def test_links_have_derivatives_of_every_order() -> None:
    arithmetic = Taylor(4, PythonFloat())
    here = Map(sam, Product(log_cosh))
    env = {"eta": arithmetic.constant(0.8), "rho": arithmetic.constant(0.3)}
    image = here.step(arithmetic, {"w": arithmetic.line([0.7, 1.3], [0.4, -0.2])}, env)["w"]
    values = {"eta": 0.8, "rho": 0.3}
    points = {h: Coordinates([0.7 + 0.4 * h, 1.3 - 0.2 * h]) for h in (-0.01, 0.01)}
    beside = {h: here.step(PythonFloat(), {"w": point}, values) for h, point in points.items()}
    for i, found in enumerate(image):
        c = arithmetic.coefficients(found)
        for h, there in beside.items():
            assert there["w"][i] == pytest.approx(c[0] + c[1] * h + c[2] * h**2 + c[3] * h**3, abs=1e-9)
