"""Where statements on strongly convex losses fail without convexity: beside a ridge that the ascent step crosses."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import sympy as sp

from sam_theory.losses import Ridges
from sam_theory.theorems._theorem import Instance

_ridges = lru_cache(Ridges)


def across_a_ridge(
    height: str, step: str, start: tuple[Any, ...], *, ridges: int = 8, beta_rho: str = ""
) -> dict[str, Instance]:
    """What is suspected to fail without convexity, for ``without``.

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
    return {"convexity": Instance(params, tuple(map(sp.Rational, start)), loss)}
