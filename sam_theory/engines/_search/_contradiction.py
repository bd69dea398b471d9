"""Whether what an orbit does in the limit contradicts a claim on a limit, infinite values included."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from sam_theory.engines._search._exact import compare

__all__ = ["contradiction", "order", "says_nothing"]

_INFINITE = {sp.oo: 1, sp.S.NegativeInfinity: -1}
_SHOWN = {"==": "≠", "<=": ">", ">=": "<"}


def _end(a: Any) -> int:
    """1 for oo, −1 for −oo, 0 for a finite number."""
    return _INFINITE.get(a, 0) if isinstance(a, sp.Basic) else 0


def order(a: Any, b: Any) -> int | None:
    """−1, 0, 1 as a is below, equal to, or above b, ±oo among them; None where balls overlap."""
    if _end(a) or _end(b):
        return (_end(a) > _end(b)) - (_end(a) < _end(b))
    return compare(a, b)


def says_nothing(relation: str, value: Any) -> bool:
    """Whether every number satisfies the relation: ≤ oo, ≥ −oo."""
    return (relation, _end(value)) in (("<=", 1), (">=", -1))


def contradiction(kind: str, relation: str, seen: Sequence[Any], value: Any) -> tuple[Any, str] | None:
    """The value that refutes ``kind`` of the observable ``relation`` ``value``, and how it stands to it.

    ``seen`` are all the limits of the observable along the orbit.  A limit that does not exist contradicts an
    equality; an inequality is contradicted only by a limit on the wrong side.
    """
    orders = [order(a, value) for a in seen]
    above, below = orders.count(1), orders.count(-1)
    # The limsup is above the value if one limit is, below it if all are; the liminf the other way round.
    enough_above = above == len(orders) if kind == "liminf" else above > 0
    enough_below = below == len(orders) if kind == "limsup" else below > 0
    for wrong, enough, allowed in ((1, enough_above, ">="), (-1, enough_below, "<=")):
        if enough and relation != allowed:
            return seen[orders.index(wrong)], _SHOWN[relation]
    return None
