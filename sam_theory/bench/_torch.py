"""The work in PyTorch: the usual loop of two gradients per step, all trajectories of a chunk at once, one thread.

Gradients are written out and nothing is taped, which is faster than ``backward``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sam_theory.bench._cases import Case, matrix, parameters, spectrum, starts

CHUNK = 8192


def versions() -> dict[str, str]:
    """What takes part."""
    import torch

    return {"torch": torch.__version__}


def prepare(case: Case, options: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """The work of a case as a function."""
    import torch

    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    return _product(case) if case.kind == "product" else _quadratic(case)


def _product(case: Case) -> Callable[[], dict[str, Any]]:
    import torch

    s = case.setting
    steps, last, every = s["steps"], s["last"], s["every"]
    eta, rho = map(torch.from_numpy, parameters(s))

    def gradient(x: Any, y: Any) -> tuple[Any, Any]:
        z = x * y
        d = torch.tanh(z) if s["loss"] == "log_cosh" else z / torch.sqrt(1 + z * z)
        return d * y, d * x

    def chunk(at: slice, out: dict[str, Any]) -> None:
        e, r = eta[at], rho[at]
        x, y = torch.full_like(e, s["start"][0]), torch.full_like(e, s["start"][1])
        top = torch.abs(x * y) if last > steps else torch.zeros_like(e)
        if every:
            out["states"][0, 0, at], out["states"][0, 1, at] = x, y
        for t in range(1, steps + 1):
            g, h = gradient(x, y)
            scale = r
            if s["rule"] == "sam":
                norm = torch.sqrt(g * g + h * h)
                scale = r / torch.where(norm == 0, 1.0, norm)
            g, h = gradient(x + scale * g, y + scale * h)
            x, y = x - e * g, y - e * h
            if t > steps - last:
                top = torch.maximum(top, torch.abs(x * y))
            if every and t % every == 0:
                out["states"][t // every, 0, at], out["states"][t // every, 1, at] = x, y
        out["final"][0, at], out["final"][1, at], out["top"][at] = x, y, top
        out["diverged"][at] = torch.logical_not(x * x + y * y <= 1e24).double()

    def run() -> dict[str, Any]:
        n, f8 = len(eta), torch.float64
        out = {name: torch.empty(shape, dtype=f8) for name, shape in (("final", (2, n)), ("top", n), ("diverged", n))}
        if every:
            out["states"] = torch.empty((steps // every + 1, 2, n), dtype=f8)
        for first in range(0, n, CHUNK):
            chunk(slice(first, first + CHUNK), out)
        return {name: v.numpy() for name, v in out.items()}

    return run


def _quadratic(case: Case) -> Callable[[], dict[str, Any]]:
    import torch

    s = case.setting
    diagonal = case.kind == "diagonal"
    operator = torch.from_numpy(spectrum(s) if diagonal else matrix(s))
    start = torch.from_numpy(starts(s))

    def gradient(w: Any) -> Any:
        return operator * w if diagonal else w @ operator

    def run() -> dict[str, Any]:
        w = start
        for _ in range(s["steps"]):
            g = gradient(w)
            w = w - s["eta"] * gradient(w + s["rho"] / torch.linalg.vector_norm(g, dim=1, keepdim=True) * g)
        return {"final": np.asarray(w.numpy())}

    return run
