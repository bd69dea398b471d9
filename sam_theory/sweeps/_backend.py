"""Which backend a sweep runs on: decided once, for the whole grid, and part of its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sam_theory.dynamics import simulate
from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    from sam_theory.dynamics import Map

__all__ = ["check_backend", "choose_backend"]

_BACKENDS = ("auto", "numpy", "fast")
_WORTH = 1.0
"""Seconds of NumPy beyond which each of a few processes may make machine code first."""


def check_backend(backend: str) -> None:
    """Refuse a name that is none."""
    if backend not in _BACKENDS:
        raise InputError(f"backend {backend!r} is not known; {nearest(str(backend), _BACKENDS)}")


def choose_backend(
    map: Map,
    backend: str,
    seconds: float,
    start: Mapping[str, Any],
    parameters: Mapping[str, Any],
    observe: Mapping[str, Any],
    settling: str | float,
) -> tuple[str, str]:
    """``"numpy"`` or ``"fast"``, what is there for this map, and with ``"auto"`` is worth its making; and the reason.

    ``seconds`` is what NumPy would take; ``start`` and ``parameters`` are those of one trajectory, of which a step is
    tried.
    """
    if backend == "numpy":
        return "numpy", "asked for"
    if backend == "auto" and seconds < _WORTH:
        return "numpy", "too little work for machine code to be made"
    tried = simulate(
        map,
        start,
        params=parameters,
        steps=1,
        observables=observe,
        rng=0 if map.rule.noise else None,
        backend="fast",
        settling=settling,
        threads=1,
    )
    return tried.backend, tried.reason
