"""The boundary to the search for multipliers."""

from __future__ import annotations

from typing import Any

from sam_theory.engines._multipliers._oracle import Oracle
from sam_theory.engines._multipliers._search import Search, Spent
from sam_theory.engines._multipliers._tree import read, write


def multipliers(system: list[dict[str, Any]]) -> Any:
    """A refutation of the system; None where none was found."""
    known = read(system)
    try:
        one = known[0].poly * 0 + 1
        node = Search(Oracle(len({x for r in system for _, m in r["poly"] for x in m})), one, 20000).refute(known)
    except Spent:
        return None
    return None if node is None else write(node, system, known)
