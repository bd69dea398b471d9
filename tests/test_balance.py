"""Factored losses, velocity rules, and the balancedness statements against computations of their own."""

from __future__ import annotations

import random

import pytest
import sympy as sp

from sam_theory.arithmetic import Coordinates, Symbolic
from sam_theory.dynamics import Map
from sam_theory.engines._flatten import Flattening
from sam_theory.errors import InputError
from sam_theory.losses import DiagonalNetwork, Link, MatrixProduct, Product, any_link
from sam_theory.rules import gd_flow, sam_flow
from sam_theory.theorems import Claim, Limit, Stability, Theorem, Threshold, norm, w
from sam_theory.theorems._sources import NEW
from sam_theory.theorems.li2024 import bar, bar_gd

CUBIC = Link("cubic", "z**3/6 + z**2/2 - z")


def _random(rng: random.Random, rows: int, columns: int) -> sp.Matrix:
    return sp.Matrix(rows, columns, lambda i, j: sp.Rational(rng.randint(-9, 9), rng.randint(2, 7)))


@pytest.mark.parametrize("sizes", [(2, 2, 1), (3, 2, 1), (2, 3, 2)])
def test_gradient_of_matrix_products_and_balance_in_plain_matrices(sizes: tuple[int, int, int]) -> None:
    rows, columns, rank = sizes
    rng = random.Random(1)
    loss = MatrixProduct(CUBIC, rows, columns, rank)

    def outer(x: sp.Matrix, y: sp.Matrix) -> sp.Matrix:
        return (x * y.T).applyfunc(lambda z: z**2 / 2 + z - 1)

    for a in (0, sp.Rational(2, 3)):
        x, y, eta = _random(rng, rows, rank), _random(rng, columns, rank), sp.Rational(3, 7)
        g = outer(x, y)
        assert loss.symbolic_gradient([*x, *y]) == [*(g * y), *(g.T * x)]
        xt, yt = x + a * g * y, y + a * g.T * x
        q = outer(xt, yt)
        xn, yn = x - eta * q * yt, y - eta * q.T * xt
        k = x.T * q * g.T * x - y.T * g.T * q * y
        second = (q * yt).T * (q * yt) - (q.T * xt).T * (q.T * xt)
        assert xn.T * xn - yn.T * yn == x.T * x - y.T * y - eta * a * (k + k.T) + eta**2 * second


def test_diagonal_network_is_its_formula() -> None:
    loss = DiagonalNetwork([[1, 2], [2, -1]], [1, 3])
    u, v = sp.Matrix([1, 2]), sp.Matrix([3, sp.Rational(1, 2)])
    beta = sp.Matrix([a**2 - b**2 for a, b in zip(u, v, strict=True)])
    residual = loss.data * beta - loss.labels
    assert loss.symbolic_value([*u, *v]) == residual.dot(residual) / 8
    s = loss.data.T * residual / 2
    assert loss.symbolic_gradient([*u, *v]) == [u[0] * s[0], u[1] * s[1], -v[0] * s[0], -v[1] * s[1]]


def test_factored_losses_refuse_bad_data() -> None:
    with pytest.raises(InputError, match="sizes of at least 1"):
        MatrixProduct(CUBIC, 0)
    with pytest.raises(InputError, match="must be 2 x 2"):
        MatrixProduct(CUBIC, target=[[1]])
    with pytest.raises(InputError, match="one label for each sample"):
        DiagonalNetwork([[1, 2]], [1, 2])
    with pytest.raises(InputError, match="name of a coordinate"):
        DiagonalNetwork([[sp.Symbol("u1")]], [1])


@pytest.mark.parametrize(
    "claim", [Limit(norm(w), sp.S.Zero), Threshold(Stability((sp.S.Zero, sp.S.Zero)), sp.S.One, sp.S.One)]
)
def test_a_velocity_is_no_map_to_be_iterated(claim: Claim) -> None:
    with pytest.raises(InputError, match="velocity of a flow"):
        Theorem(slug="x", title="x", source=NEW, rule=gd_flow, loss=Product(any_link, 1), claim=claim)
    assert sam_flow.velocity


def test_equal_arguments_of_an_opaque_function_give_one_value_and_others_do_not() -> None:
    p, q = sp.symbols("p q", real=True)
    slope = any_link.function(1)
    flat = Flattening()
    first = flat(slope(slope(p * (p + q)) + p))
    assert first == flat(slope(slope(sp.Add(p**2, p * q)) + p))
    assert first != flat(slope(slope(p**2 + p * q) - p))
    assert flat(slope(p)) != flat(any_link.function(2)(p))


@pytest.mark.parametrize("dimension", [1, 3])
def test_bar_is_what_its_identities_say_at_random_rationals(dimension: int) -> None:
    rng = random.Random(7)
    for _ in range(5):
        x, y = _random(rng, dimension, 1), _random(rng, dimension, 1)
        eta, decay = _random(rng, 1, 1)[0], _random(rng, 1, 1)[0]
        z, total = x.dot(y), x.dot(x) + y.dot(y)
        c, balance = eta * decay, (x.dot(x) - y.dot(y)) / 2
        q = z**2 / 2 + z - 1
        loss = Product(CUBIC, dimension)
        for made, own in (
            (bar, (1 + c**2) * balance),
            (bar_gd, (1 + c**2 - eta**2 * q**2) * balance + 2 * c * eta * q * z),
        ):
            state = Coordinates([*x, *y])
            step = list(Map(made, loss).step(Symbolic(), {"w": state}, {"eta": eta, "decay": decay})["w"])
            u, v = step[:dimension], step[dimension:]
            after = (sum(a**2 for a in u) - sum(b**2 for b in v)) / 2
            assert sp.expand(after - own + c * total) == 0
            if made is bar and c >= 0:
                assert after <= (1 - c) ** 2 * balance
