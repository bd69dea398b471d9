"""What is measured: the workloads, their sizes at a scale, and who takes part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.errors import InputError, nearest

Array = npt.NDArray[np.float64]

PEERS = ("numpy", "optax", "jax", "torch", "c", "c-fast")
"""The implementations that a benchmark can be compared with."""

DIAGRAMS = ("usam-quadratic", "usam-valley", "sam-cycle")
"""The certified phase diagrams."""


@dataclass(frozen=True)
class Contender:
    """One way to do the work: ``name`` in tables, the peer (or ``ours``) that does it, and its options."""

    name: str
    peer: str
    options: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    """The share of the steps that it is asked for; its times are divided by it."""


@dataclass(frozen=True)
class Case:
    """One measurement: the same work for all contenders.

    Attributes
    ----------
    name : str
        Unique, such as ``W1 log cosh SAM``.
    workload : str
        The name on the command line.
    kind : str
        ``product`` (a loss ℓ(xy), batches over η and ρ), ``diagonal``, ``dense`` (quadratics, batches of starts),
        ``verify`` or ``diagram``.
    setting : dict
        Sizes and parameters, as JSON.
    contenders : tuple of Contender
        Ours first.
    fresh : bool
        Each run in a new process, imports and compilation included.
    """

    name: str
    workload: str
    kind: str
    setting: Mapping[str, Any]
    contenders: tuple[Contender, ...]
    fresh: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def shortened(self, share: float) -> Case:
        """The case with this share of its steps."""
        if share == 1.0:
            return self
        steps = max(1, round(self.setting["steps"] * share))
        return replace(self, setting={**self.setting, "steps": steps})


def case_of(document: Mapping[str, Any]) -> Case:
    """The inverse of :meth:`Case.document`."""
    contenders = tuple(Contender(**c) for c in document["contenders"])
    return Case(**{**document, "contenders": contenders})


# -- contenders ---------------------------------------------------------------------------------------------------


def _ours(settling: str | float) -> Contender:
    return Contender(f"ours, settling {settling}", "ours", {"settling": settling})


OURS = Contender("ours", "ours")
OFF, EXACT, TOLERANCE = _ours("off"), _ours("exact"), _ours(1e-12)
NUMPY = Contender("numpy", "numpy")
OPTAX, JAX = Contender("optax", "optax"), Contender("jax", "jax")
OPTAX_HAND = Contender("optax, gradient by hand", "optax", {"gradient": "hand"})
JAX_CHUNKS = Contender("jax, chunks", "jax", {"chunk": 8192})
TORCH = Contender("torch", "torch")
C, FAST = Contender("c", "c"), Contender("c-fast", "c-fast")
SAME = Contender("c-fast, same algebra", "c-fast", {"same": True})


def _slow(contender: Contender, share: float) -> Contender:
    return replace(contender, share=share)


# -- workloads ----------------------------------------------------------------------------------------------------


def _count(full: int, scale: float) -> int:
    return max(1, round(full * scale))


def _side(full: int, scale: float) -> int:
    return max(2, round(full * scale**0.5))


def _product(side: int, steps: int, **more: Any) -> dict[str, Any]:
    low, high = 0.01, 0.6
    return {
        "loss": "log_cosh", "rule": "sam", "eta": [low, high, side], "rho": [low, high, side], "start": [0.5, 3.0],
        "steps": steps, "last": 0, "every": None, **more,
    }  # fmt: skip


def _w1(scale: float) -> tuple[Case, ...]:
    cases = []
    for loss, text in (("log_cosh", "log cosh"), ("sqrt1p", "√")):
        for rule in ("sam", "usam"):
            setting = _product(_side(512, scale), 2000, loss=loss, rule=rule, last=100)
            others = (NUMPY, OPTAX, OPTAX_HAND, JAX, JAX_CHUNKS, TORCH, C, FAST)
            contenders = (OFF, EXACT, TOLERANCE, *others, *((SAME,) if rule == "sam" else ()))
            cases.append(Case(f"W1 {text} {rule.upper()}", "W1", "product", setting, contenders))
    return tuple(cases)


def _w2(scale: float) -> tuple[Case, ...]:
    setting = {"dimension": 100, "starts": _count(1000, scale), "steps": 5000, "eta": 1.5, "rho": 0.1}
    return (Case("W2", "W2", "diagonal", setting, (OFF, EXACT, NUMPY, OPTAX, JAX, TORCH, C, FAST, SAME)),)


def _w3(scale: float) -> tuple[Case, ...]:
    setting = {"dimension": _count(500, min(1.0, scale**0.5)), "starts": 64, "steps": 1000, "eta": 1.5, "rho": 0.1}
    return (Case("W3", "W3", "dense", setting, (OFF, EXACT, NUMPY, OPTAX, JAX, TORCH, C, FAST, SAME)),)


def _w4(scale: float) -> tuple[Case, ...]:
    steps = max(2_000, _count(10_000_000, scale))
    setting = {**_product(1, steps, every=1000), "eta": [0.2, 0.2, 1], "rho": [1e-3, 1e-3, 1]}
    slow = (_slow(NUMPY, 1e-2), _slow(TORCH, 1e-3)) if steps >= 1_000_000 else (NUMPY, TORCH)
    return (Case("W4", "W4", "product", setting, (OFF, EXACT, OPTAX, OPTAX_HAND, JAX, *slow, C, FAST, SAME)),)


def _w5(scale: float) -> tuple[Case, ...]:
    setting = _product(_side(100, scale), 1000, every=1)
    return (Case("W5", "W5", "product", setting, (OFF, EXACT, NUMPY, OPTAX, OPTAX_HAND, JAX, TORCH, C, FAST, SAME)),)


def _w6(scale: float) -> tuple[Case, ...]:
    return tuple(
        Case(f"W6 {budget}", "W6", "verify", {"budget": budget, "part": min(1.0, scale)}, (OURS,))
        for budget in ("quick", "default")
    )


def _w7(scale: float) -> tuple[Case, ...]:
    undecided = f"1/{max(4, round(1000 * min(1.0, scale)))}"
    return tuple(
        Case(f"W7 {name}", "W7", "diagram", {"diagram": name, "undecided": undecided}, (OURS,)) for name in DIAGRAMS
    )


def _first(scale: float) -> tuple[Case, ...]:
    setting = _product(_side(32, scale), 2000)
    auto = Contender("ours, auto", "ours", {"backend": "auto"})
    fast = Contender("ours, fast", "ours", {"backend": "fast"})
    contenders = (auto, fast, NUMPY, OPTAX, JAX, TORCH, C, FAST)
    return (Case("first", "first", "product", setting, contenders, fresh=True),)


def _linear(scale: float) -> tuple[Case, ...]:
    sizes = [_count(int(1000 * scale) or 1, 10**k) for k in range(4)]
    cells = [(n, 1000) for n in sizes]
    steps = [(1000, n) for n in sizes]
    return tuple(
        Case(f"linear {axis} {n if axis == 'cells' else t}", "linear", "product", _strip(n, t), (OFF,))
        for axis, pairs in (("cells", cells), ("steps", steps))
        for n, t in pairs
    )


def _strip(cells: int, steps: int) -> dict[str, Any]:
    return {**_product(1, steps), "eta": [0.01, 0.6, cells], "rho": [0.3, 0.3, 1]}


_MAKE = {
    "W1": _w1, "W2": _w2, "W3": _w3, "W4": _w4, "W5": _w5, "W6": _w6, "W7": _w7, "first": _first, "linear": _linear,
}  # fmt: skip

WORKLOADS = {
    "W1": "SAM and USAM on ℓ(xy), ℓ = log cosh and √(1+z²), 512×512 values of (η, ρ) in [.01, .6]², 2,000 steps from "
    "(.5, 3); kept: final state, divergence, largest |xy| over the last 100 steps",
    "W2": "SAM on a diagonal quadratic, d = 100, λ from 1e-2 to 1, 1,000 starts, 5,000 steps, η = 1.5, ρ = .1",
    "W3": "SAM on a dense quadratic, d = 500, the same λ, 64 starts, 1,000 steps",
    "W4": "one SAM trajectory of 10⁷ steps on log cosh(xy) from (.5, 3), η = .2, ρ = 1e-3, every 1,000th state kept",
    "W5": "10⁴ SAM trajectories of 10³ steps on log cosh(xy), all states kept",
    "W6": "sam-theory verify: the whole library, from a cold start",
    "W7": "certified phase diagrams: all but 1/1000 of the area decided",
    "first": "32×32 values of (η, ρ), 2,000 steps of SAM on log cosh(xy): the first result of a new process",
    "linear": "cost against trajectories and against steps, over three decades each",
}  # fmt: skip
"""What each workload is, at scale 1."""


def cases(workloads: tuple[str, ...], peers: tuple[str, ...], scale: float = 1.0) -> tuple[Case, ...]:
    """The cases of some workloads (all if none is named) with ours and these peers.

    Raises InputError for an unknown workload or peer, or a scale that is not positive.
    """
    for given, known, what in ((workloads, WORKLOADS, "workload"), (peers, PEERS, "peer")):
        for name in given:
            if name not in known:
                raise InputError(f"no {what} is called {name!r}; {nearest(name, known)}")
    if not 0 < scale < float("inf"):
        raise InputError(f"the scale is {scale}; it is a positive number, 1 for the full size")
    made = [case for name in _MAKE if name in (workloads or _MAKE) for case in _MAKE[name](scale)]
    return tuple(
        replace(case, contenders=tuple(c for c in case.contenders if c.peer in ("ours", *peers))) for case in made
    )


# -- data ---------------------------------------------------------------------------------------------------------


def parameters(setting: Mapping[str, Any]) -> tuple[Array, Array]:
    """η and ρ of a ``product`` case, one entry per trajectory."""
    eta, rho = np.meshgrid(np.linspace(*setting["eta"]), np.linspace(*setting["rho"]), indexing="ij")
    return eta.ravel().copy(), rho.ravel().copy()


def spectrum(setting: Mapping[str, Any]) -> Array:
    """Eigenvalues, log-spaced from 1e-2 to 1."""
    return np.logspace(-2.0, 0.0, setting["dimension"])


def starts(setting: Mapping[str, Any]) -> Array:
    """Starts of a quadratic, shape (starts, dimension)."""
    return np.random.default_rng(1).standard_normal((setting["starts"], setting["dimension"]))


def matrix(setting: Mapping[str, Any]) -> Array:
    """A dense symmetric matrix with the eigenvalues of :func:`spectrum`."""
    d = setting["dimension"]
    basis = np.linalg.qr(np.random.default_rng(2).standard_normal((d, d)))[0]
    dense = (basis * spectrum(setting)) @ basis.T
    return np.asarray((dense + dense.T) / 2)
