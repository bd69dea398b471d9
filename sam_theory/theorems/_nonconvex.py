"""Where statements on strongly convex losses fail without convexity.

Beside a ridge the ascent step crosses it, and SAM rests where it ends at a minimum on the other side; on an interval of
minima an orbit rests, and across it a cycle is longer or shorter, seen from one of the minima, than on any strongly
convex loss.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from sam_theory.losses import Expression, Facts, Ridges, WideningValley
from sam_theory.theorems._theorem import Instance

_ridges = lru_cache(Ridges)


def across_a_ridge(height: str, step: str, start: tuple[Any, ...], *, ridges: int = 8, beta_rho: str = "") -> Instance:
    """A start beside a ridge that the ascent step crosses.

    Parameters
    ----------
    height, ridges
        Of the loss, see :class:`~sam_theory.losses.Ridges`.
    step : str
        The rational ηβ.
    start : tuple of rationals
    beta_rho : str
        The rational βρ; default: ρ = 1.
    """
    loss = _ridges(height, ridges)
    beta = loss.facts.beta
    rho = sp.Rational(beta_rho) / beta if beta_rho else sp.S.One
    params = {"alpha": loss.facts.polyak_lojasiewicz, "beta": beta, "eta": sp.Rational(step) / beta, "rho": rho}
    return Instance(params, tuple(map(sp.Rational, start)), loss)


def at_rest_beside_a_ridge(step: str) -> Instance:
    """A fixed point of SAM that is no minimum: the ascent from (1, 1) ends on the ray of minima x = 0, y > 0.

    There the gradient is 10(−3/5, 4/5) and ρ = 5/3.  ``step`` is the rational ηβ, β = 98.
    """
    return across_a_ridge("1", step, (1, 1), ridges=14, beta_rho="490/3")


def on_a_flat_bottom(half: str, seen_from: str, eta: str, rho: str, start: str) -> Instance:
    """A start on ½·dist(w, [−d, d])², which is Polyak–Łojasiewicz with α = β = 1.

    Parameters
    ----------
    half : str
        The rational d.
    seen_from : str
        The minimum w* that the claim is read with, a rational in [−d, d].
    eta, rho, start : str
        Rationals.
    """
    x, d = sp.Symbol("x", real=True), sp.Rational(half)
    loss = Expression(
        sp.Max(0, x - d) ** 2 / 2 + sp.Max(0, -x - d) ** 2 / 2,
        [x],
        name=f"half the squared distance from [-{d}, {d}], w* = {seen_from}",
        facts=Facts(
            beta=sp.S.One, minimum=sp.S.Zero, minimisers=((sp.Rational(seen_from),),), polyak_lojasiewicz=sp.S.One
        ),
    )
    params = {"alpha": 1, "beta": 1, "eta": sp.Rational(eta), "rho": sp.Rational(rho)}
    return Instance(params, (sp.Rational(start),), loss)


def across_a_widening_valley() -> Instance:
    """A 2-cycle of SAM high in a valley whose floor descends to the minimum.

    The ascent from (±1092, 6435) ends at (±2492, 7260), where the gradient (±2184, 0) points across the valley alone.
    """
    return Instance({"beta": 1, "eta": 1, "rho": 1625}, (1092, 6435), WideningValley())
