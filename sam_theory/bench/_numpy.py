"""The work in NumPy, as one would write it by hand: batches in chunks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sam_theory.bench._cases import Array, Case, matrix, parameters, spectrum, starts

CHUNK = 2048
"""Trajectories at a time on a loss of two variables; the fastest of the powers of two."""


def versions() -> dict[str, str]:
    """What takes part."""
    return {"numpy": np.__version__}


def prepare(case: Case, options: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """The work of a case as a function."""
    return {"product": _product, "diagonal": _diagonal, "dense": _dense}[case.kind](case)


def _slope(loss: str) -> Callable[[Array], Array]:
    if loss == "log_cosh":
        return np.tanh
    return lambda z: z / np.sqrt(1 + z * z)


def _product(case: Case) -> Callable[[], dict[str, Any]]:
    s = case.setting
    eta, rho = parameters(s)
    slope, normalised, steps, last, every = _slope(s["loss"]), s["rule"] == "sam", s["steps"], s["last"], s["every"]

    def chunk(at: slice, out: dict[str, Any]) -> None:
        e, r = eta[at], rho[at]
        x, y = np.full_like(e, s["start"][0]), np.full_like(e, s["start"][1])
        top = np.abs(x * y) if last > steps else np.zeros_like(e)
        if every:
            out["states"][0, 0, at], out["states"][0, 1, at] = x, y
        for t in range(1, steps + 1):
            d = slope(x * y)
            g, h = d * y, d * x
            scale = r
            if normalised:
                norm = np.sqrt(g * g + h * h)
                scale = r / np.where(norm == 0, 1.0, norm)
            p, q = x + scale * g, y + scale * h
            d = e * slope(p * q)
            x, y = x - d * q, y - d * p
            if t > steps - last:
                np.maximum(top, np.abs(x * y), out=top)
            if every and t % every == 0:
                out["states"][t // every, 0, at], out["states"][t // every, 1, at] = x, y
        out["final"][0, at], out["final"][1, at], out["top"][at] = x, y, top
        out["diverged"][at] = ~(x * x + y * y <= 1e24)

    def run() -> dict[str, Any]:
        n = len(eta)
        out: dict[str, Any] = {"final": np.empty((2, n)), "top": np.empty(n), "diverged": np.empty(n)}
        if every:
            out["states"] = np.empty((steps // every + 1, 2, n))
        for first in range(0, n, CHUNK):
            chunk(slice(first, first + CHUNK), out)
        return out

    return run


def _sam(gradient: Callable[[Array], Array], w: Array, setting: Any) -> Array:
    eta, rho = setting["eta"], setting["rho"]
    for _ in range(setting["steps"]):
        g = gradient(w)
        norm = np.sqrt(np.einsum("ij,ij->i", g, g))[:, None]
        w = w - eta * gradient(w + (rho / norm) * g)
    return w


def _diagonal(case: Case) -> Callable[[], dict[str, Any]]:
    lam, start, rows = spectrum(case.setting), starts(case.setting), 100
    return lambda: {
        "final": np.concatenate(
            [_sam(lambda w: lam * w, start[i : i + rows], case.setting) for i in range(0, len(start), rows)]
        )
    }


def _dense(case: Case) -> Callable[[], dict[str, Any]]:
    a, start = matrix(case.setting), starts(case.setting)
    return lambda: {"final": _sam(lambda w: w @ a, start, case.setting)}
