"""Which backend a sweep runs on: decided once, for the whole grid, and part of its key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    from sam_theory.dynamics import Map

__all__ = ["choose_backend"]

_BACKENDS = ("auto", "numpy", "fast")


def choose_backend(map: Map, backend: str, observe: Mapping[str, Any], work: int) -> tuple[str, str]:
    """``"numpy"`` or ``"fast"``, and why; raises InputError for another name."""
    if backend not in _BACKENDS:
        raise InputError(f"backend {backend!r} is not known; {nearest(str(backend), _BACKENDS)}")
    return ("numpy", "asked for") if backend != "fast" else ("fast", "asked for")
