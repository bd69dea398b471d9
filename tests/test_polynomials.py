"""The shortcuts for polynomials give what SymPy gives, to the last sign and bracket."""

from __future__ import annotations

import numpy as np
import pytest
import sympy as sp

from sam_theory.arithmetic._factor import factored
from sam_theory.engines._flatten import relation
from sam_theory.engines._polynomial import expanded, is_polynomial, undecided

x, y, z = sp.symbols("x y z", real=True)
p = sp.Symbol("p", positive=True)


def polynomial(rng: np.random.Generator, terms: int = 3) -> sp.Expr:
    powers = rng.integers(0, 3, (terms, 3))
    numbers = rng.integers(-6, 7, terms)
    return sp.Add(*(int(c) * x**i * y**j * z**k for c, (i, j, k) in zip(numbers, powers.tolist(), strict=True)))


def nested(rng: np.random.Generator) -> sp.Expr:
    a, b, c = (polynomial(rng) for _ in range(3))
    return sp.Mul(sp.Rational(int(rng.integers(-5, 6)) or 1, 3), a + b / 2, evaluate=False) * c - a**2 * b


@pytest.mark.parametrize("seed", range(12))
def test_factors_are_written_as_sympy_writes_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, c = (polynomial(rng, 2) for _ in range(3))
    for e in (a * b**2 * c, a * b - c, a * b / (c**2 + 1) + b / 3, sp.expand(-4 * a * b), sp.sqrt(2) * a * b):
        assert sp.srepr(factored(e)) == sp.srepr(sp.factor(e))


@pytest.mark.parametrize(
    "e", [-x, x - y, y - x - z**2, 2 * x - 2 * y, sp.S.Zero, sp.Rational(-2, 3), -2 * (x - y) ** 3]
)
def test_signs_and_constants_of_factors(e: sp.Expr) -> None:
    assert sp.srepr(factored(e)) == sp.srepr(sp.factor(e))


@pytest.mark.parametrize("seed", range(12))
def test_products_are_multiplied_out_as_by_sympy(seed: int) -> None:
    e = nested(np.random.default_rng(seed))
    assert is_polynomial(e) and sp.srepr(expanded(e)) == sp.srepr(sp.expand(e))
    whole = expanded(e, integral=True)
    ratio = sp.cancel(whole / e)
    assert ratio.is_Integer and ratio > 0
    assert all(c.is_Integer for c in whole.as_coefficients_dict().values())


def test_what_is_no_polynomial_is_none() -> None:
    assert not any(map(is_polynomial, (1 / x, sp.sqrt(x), x**y, sp.Abs(x), x + sp.pi, (x + 1) ** -2 * y)))


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">=", "==", "!="])
def test_only_what_sympy_leaves_open_is_called_undecided(operator: str) -> None:
    heads = {"<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge, "==": sp.Eq, "!=": sp.Ne}
    signs = (x * y + 1, x**2 - x * y + y**2, x**2 + y**2 + 1, p * x + y**2, p + y**2, x**2 + x + 1, -(x**2) * y**2 - 1)
    for e in (*signs, *(sp.expand(nested(np.random.default_rng(s))) for s in range(20))):
        evaluated = heads[operator](e, 0)
        assert relation(e, operator, sp.S.Zero) == evaluated
        if undecided(e):
            assert evaluated not in (sp.true, sp.false)
    assert undecided(signs[0]) and undecided(signs[1])
    assert not any(map(undecided, (signs[2], signs[3], signs[4], signs[5], signs[6])))


def _kinked(rng: np.random.Generator, depth: int) -> sp.Expr:
    """A random algebraic expression with roots and absolute values."""
    if depth == 0:
        return sp.sympify([x, y, z, 2, -1, sp.sqrt(2) - 1][rng.integers(6)])
    a, b = (_kinked(rng, depth - 1) for _ in range(2))
    return sp.sympify(
        [a + b, a - b, a * b, a**2 + 1, sp.Abs(a), sp.sqrt(sp.Abs(a) + 1) * b, sp.sqrt(a**2)][rng.integers(7)]
    )


@pytest.mark.parametrize("seed", range(6))
def test_of_roots_and_absolute_values_only_what_sympy_leaves_open_is_called_undecided(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heads = {"<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge, "==": sp.Eq, "!=": sp.Ne}
    for _ in range(25):
        e = _kinked(rng, 3)
        for operator in heads if e.is_extended_real is not False else ():
            assert relation(e, operator, sp.S.Zero) == heads[operator](e, 0), e


def test_signs_of_roots_and_absolute_values_are_read_off() -> None:
    open_ones = (sp.Abs(x) - y, sp.sqrt(x) + y, x * sp.sqrt(y**2 + 1) - 1, sp.sqrt(x**2 + y**2) - sp.Abs(x))
    assert all(map(undecided, open_ones))
    read = (sp.Abs(x) + y**2, sp.sqrt(x**2 + y**2) + 1, (sp.sqrt(2) - 1) * x**2 + y**2, sp.sqrt(-(x**2) - y**2) + z)
    assert not any(map(undecided, (*read, sp.exp(x) - y, sp.Max(x, y) - z)))
