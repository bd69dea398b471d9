"""Multipliers: exact refutations of polynomial systems, which the small checker verifies.

A system that z3 calls unsat is refuted once more, by a tree of identities (``sam_theory.checker._refutation`` describes
the format): products of relations and of monomials of known sign, squares and multiples of equalities that add up to 0
although one of them is positive.  Linear programs find the products; cuts divide by factors of known sign, and
equalities with several factors are split.  z3 says where looking is worth while.  What is returned was verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sam_theory.checker._refutation import read as check_form
from sam_theory.checker._refutation import verify
from sam_theory.engines._multipliers._oracle import Oracle
from sam_theory.engines._multipliers._search import Search, Spent
from sam_theory.engines._multipliers._system import Data, systems
from sam_theory.engines._multipliers._tree import read, write

__all__ = ["BUDGET", "Data", "attempt", "brief", "refute", "systems"]

#: Columns of linear programs, the work unit of the search.
BUDGET = 10_000


def refute(relations: Sequence[Data], budget: int = BUDGET) -> dict[str, Any] | None:
    """A verified refutation of the relations, or None if none was found.

    Parameters
    ----------
    relations : sequence of dict
        ``{"op": ">=" | ">" | "==" | "!=", "poly": [["p/q", {"x": 2}], ...]}``, each of which says ``poly op 0``.
    budget : int
        Columns of linear programs.

    Returns
    -------
    dict or None
        A tree that ``sam_theory.checker._refutation.verify`` accepts.

    Raises
    ------
    Rejected
        If the relations are not in that form.

    Examples
    --------
    >>> x, y = [["1", {"x": 1}]], [["1", {"y": 1}]]
    >>> minus_xy = [["-1", {"x": 1, "y": 1}]]
    >>> refute([{"op": ">", "poly": x}, {"op": ">", "poly": y}, {"op": ">=", "poly": minus_xy}])
    {'combine': [{'coefficient': '1', 'factors': [2]}, {'coefficient': '1', 'factors': [0, 1]}]}
    """
    return attempt(relations, budget)[0]


def attempt(relations: Sequence[Data], budget: int = BUDGET) -> tuple[dict[str, Any] | None, str]:
    """A refutation with what it consists of, or None with the reason; else as :func:`refute`."""
    check_form(list(relations))
    known = read(relations)
    if not known:
        return None, "no relation is given"
    context = known[0].poly.context()
    search = Search(Oracle(context.nvars()), context.constant(1), budget)
    try:
        found = search.refute(known)
    except Spent:
        return None, f"no multipliers within {budget} columns"
    if found is None:
        if search.oracle.contradictory(known) is False:
            return None, "the relations have a common solution"
        return None, "no multipliers among the products, cuts and splits that are tried"
    tree = write(found, relations, known)
    verify(tree, list(relations))
    return tree, kind_of(tree)


def brief(relations: Sequence[Data]) -> dict[str, Any] | None:
    """A verified refutation by single relations and monomials, found without z3; else as :func:`refute`."""
    check_form(list(relations))
    known = read(relations)
    if not known:
        return None
    context = known[0].poly.context()
    search = Search(Oracle(context.nvars()), context.constant(1), BUDGET)
    found = search.leaf(known, 1, 0, 300) or search.leaf(known, 1, 1, 300)
    if found is None:
        return None
    tree = write(found, relations, known)
    verify(tree, list(relations))
    return tree


def kind_of(tree: dict[str, Any]) -> str:
    """``linear``, ``products``, ``squares`` or ``splits``: the strongest means that the tree uses."""
    if "split" in tree:
        return "splits"
    terms = tree["combine"]
    if any("square" in t for t in terms):
        return "squares"
    return "products" if any(len(t.get("factors", ())) > 1 for t in terms) else "linear"
