r"""Periodic points by Newton's method from many starts, with deflation.

Newton's step :math:`\delta` for :math:`G(w)=F^k(w)-w` is lengthened by :math:`1/(1-\nabla m\cdot\delta/m)`,
which makes it Newton's step for :math:`mG` with :math:`m=\prod_i(1+1/|w-w_i|^2)` over the points :math:`w_i` that are
known: they no longer attract (Farrell, Birkisson and Funke 2015, arXiv 1410.5620).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator

import numpy as np
from scipy.optimize import minimize

from sam_theory.lab._at import FloatArray, MapAt

__all__ = ["CONVERGED", "REGULAR", "descended", "new_points", "newton", "newton_from_all"]

#: A residual or a step of this relative size ends Newton's method.
CONVERGED = 1e-12
#: A smallest singular value of DF^k − I below this: the point is degenerate, or lies on a continuum of them.
REGULAR = 1e-6
_ITERATIONS = 40
#: Starts of the search with deflation; each is used until it leads to nothing new.
_DEFLATED = 16


def _stretch(x: FloatArray, step: FloatArray, known: list[FloatArray], scale: FloatArray) -> float:
    """The factor of deflation for a step at ``x``, distances measured in units of ``scale``."""
    total = 0.0
    for point in known:
        away = (x - point) / scale
        r2 = float(away @ away)
        if r2 == 0.0:
            return 1.0
        total += -2.0 * float(away @ (step / scale)) / (r2 * (1.0 + r2))
    return 1.0 / (1.0 - total) if abs(1.0 - total) > 1e-12 else 1e12


def newton(
    here: MapAt, start: FloatArray, period: int, scale: FloatArray, known: list[FloatArray] | None = None
) -> tuple[FloatArray, float] | None:
    """A point of F^period(w) = w reached from ``start``, and the least singular value of DF^period − I there.

    ``scale`` (shape (d,)) is the size of the region of interest: no step is longer, and a point that leaves it by
    more than its size is given up.  None where the iteration fails.
    """
    x = start.copy()
    for _ in range(_ITERATIONS):
        found = here.linearised(x, period)
        if found is None:
            return None
        image, slope = found
        matrix = slope - np.eye(len(x))
        residual = image - x
        values = np.linalg.svd(matrix, compute_uv=False)
        size = CONVERGED * (np.abs(x).max() + float(scale.max()))
        if np.abs(residual).max() <= size * 1e-2:
            return x, float(values[-1])
        # On a continuum of fixed points the shortest step leads to the nearest of them.
        step: FloatArray = np.asarray(np.linalg.lstsq(matrix, -residual, rcond=1e-10)[0], dtype=np.float64)
        if known:
            step = step * _stretch(x, step, known, scale)
        longest = float((np.abs(step) / scale).max())
        if not np.isfinite(longest):
            return None
        x = x + (step if longest <= 0.5 else step * (0.5 / longest))
        if np.abs(step).max() <= size and np.abs(residual).max() <= 1e3 * size:
            after = here.linearised(x, period)
            if after is None:
                return None
            return x, float(np.linalg.svd(after[1] - np.eye(len(x)), compute_uv=False)[-1])
        if (np.abs(x - start) > 2.0 * scale).any():
            return None
    return None


def newton_from_all(here: MapAt, starts: FloatArray, period: int, scale: FloatArray) -> FloatArray:
    """Where Newton's method leads from many starts at once, roughly: derivatives are differences.

    Returns one point of each group that ends within 1e-6 of ``scale``, shape (groups, d), in the order of the starts.
    """
    d, x = starts.shape[1], starts
    shifts = 1e-6 * np.diag(scale)
    origin = starts

    def residual(points: FloatArray) -> FloatArray:
        image = points
        for _ in range(period):
            image = here.step(image)
        return image - points

    for _ in range(_ITERATIONS):
        with np.errstate(all="ignore"):
            value = residual(x)
            columns = [(residual(x + s) - residual(x - s)) / (2 * s[i]) for i, s in enumerate(shifts)]
        matrix = np.stack(columns, axis=2)
        finite = np.isfinite(value).all(axis=1) & np.isfinite(matrix).all(axis=(1, 2))
        x, origin, value, matrix = x[finite], origin[finite], value[finite], matrix[finite]
        step = -(np.linalg.pinv(matrix, rcond=1e-8) @ value[:, :, None])[:, :, 0]
        longest = np.abs(step / scale).max(axis=1, keepdims=True, initial=1e-300)
        x = x + step * np.minimum(1.0, 0.5 / longest)
        near = (np.abs(x - origin) <= 2.0 * scale).all(axis=1)
        x, origin = x[near], origin[near]
    x = x[(np.abs(residual(x)) <= 1e-9 * scale).all(axis=1)]
    _, first = np.unique(np.round(x / (1e-6 * scale)), axis=0, return_index=True)
    return x[np.sort(first)].reshape(-1, d)


def new_points(
    here: MapAt, starts: FloatArray, period: int, scale: FloatArray, known: list[FloatArray]
) -> Iterator[tuple[FloatArray, float]]:
    """Points that Newton's method reaches: from all of ``starts``, then with deflation from the first of them.

    What the caller appends to ``known`` no longer attracts.
    """
    for start in newton_from_all(here, starts, period, scale):
        found = newton(here, start, period, scale)
        if found is not None and not any((np.abs(found[0] - p) <= 1e-9 * scale).all() for p in known):
            yield found
    for start in starts[:_DEFLATED]:
        while True:
            found = newton(here, start, period, scale, known)
            if found is None or any(np.array_equal(found[0], p) for p in known):
                break
            before = len(known)
            yield found
            if len(known) == before:  # the caller did not want it deflated: the same start would end there again
                break


def descended(here: MapAt, starts: FloatArray) -> FloatArray:
    """Where a descent of the loss ends from each start: on continua of minima too, which Newton's method may miss."""
    width = starts.shape[1]

    def value(x: FloatArray) -> float:
        try:
            return here.value(x)
        except (ArithmeticError, ValueError):  # outside of the domain, or an overflow
            return math.inf

    def gradient(x: FloatArray) -> FloatArray:
        try:
            return here.gradient(x)
        except (ArithmeticError, ValueError):
            return np.full(len(x), math.nan)

    starts = np.array([x for x in starts if math.isfinite(value(x)) and np.isfinite(gradient(x)).all()])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        ends = [minimize(value, x, jac=gradient, method="BFGS").x for x in starts]
    return np.array([x for x in ends if np.isfinite(x).all()]).reshape(-1, width)
