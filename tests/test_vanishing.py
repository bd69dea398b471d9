"""The exact test whether a rational expression vanishes, roots included."""

import pytest
import sympy as sp

from sam_theory.arithmetic._factor import factored
from sam_theory.engines._vanishing import vanishes

x, y, r, s = sp.symbols("x y r s", real=True)


@pytest.mark.parametrize(
    "e", [(x + y) ** 3 - x**3 - y**3 - 3 * x * y * (x + y), 1 / (x - y) - (x + y) / (x**2 - y**2), sp.S.Zero]
)
def test_an_identity_vanishes_and_a_change_of_it_does_not(e: sp.Expr) -> None:
    assert vanishes(e)
    assert not vanishes(e + x / 1000)


def test_a_root_obeys_its_equation_alone() -> None:
    nested = [(r, 2, x), (s, 2, 1 + r)]
    assert vanishes((s**2 - 1) ** 2 - x, nested)
    assert not vanishes((s**2 - 1) ** 2 + x, nested)
    assert not vanishes(r - x, [(r, 2, x**2)])  # the root of x² is |x|
    assert vanishes(r**2 * y - x, [(r, 2, x / y)])
    assert vanishes(r**3 - x, [(r, 3, x)]) and not vanishes(r**2 - x, [(r, 3, x)])


def test_what_divides_by_zero_is_not_said_to_vanish() -> None:
    assert not vanishes(x / sp.Add(x, -x, 1, evaluate=False).subs(x, 0) - 1)
    assert not vanishes(1 / sp.Add((x + 1) ** 2, -(x**2) - 2 * x - 1, evaluate=False))
    assert not vanishes(sp.nan) and not vanishes(sp.zoo + x)


@pytest.mark.parametrize(
    "e",
    [
        sp.Add((x + 1) * (x - 1), -(x**2), 1, evaluate=False),
        sp.sqrt(x**2 * y**2 + y**2) / (x + x**2),
        (x - y * sp.sqrt(x)) / (x + y) ** 2 - sp.exp(x) / (x + y),
        sp.sqrt(2 * x**2 + 4 * x + 2) / (1 + x),
        (1 + x * sp.sqrt(2)) ** 2 - 2 * x**2,
    ],
)
def test_factors_are_written_as_by_sympy(e: sp.Expr) -> None:
    assert factored(e) == sp.factor(e)
