"""One z3 context for all queries of a goal: making one takes longer than most queries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import z3

__all__ = ["Shared", "one_context", "shared"]


@dataclass
class Shared:
    """A z3 context, made when it is first needed, and the terms of relations that were built in it."""

    terms: dict[Any, Any] = field(default_factory=dict)

    @cached_property
    def context(self) -> z3.Context:
        return z3.Context()


_SHARED: ContextVar[Shared | None] = ContextVar("z3 context", default=None)


@contextmanager
def one_context() -> Iterator[None]:
    """Within, all queries share a context that nothing else has used.

    What z3 answers may depend on the terms that its context has seen: a context for each goal makes the answer a
    function of the goal alone, whatever was asked before and in whichever process.
    """
    token = _SHARED.set(Shared())
    try:
        yield
    finally:
        _SHARED.reset(token)


def shared() -> Shared:
    """What queries share, or a fresh context outside of :func:`one_context`."""
    return _SHARED.get() or Shared()
