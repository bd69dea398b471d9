"""Polynomial systems: from Boolean combinations of SymPy relations to the plain data of a refutation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation
from sympy.logic.boolalg import And, Implies, Not, Or

from sam_theory.errors import InputError

#: A relation as data: {"op": ">=", "poly": [["1/2", {"x": 2}], ...]}.
Data = dict[str, Any]

#: 0 > 0, the relation that nothing satisfies.
FALSE: Data = {"op": ">", "poly": []}

_OP = {"<": (">", -1), "<=": (">=", -1), ">": (">", 1), ">=": (">=", 1), "==": ("==", 1), "!=": ("!=", 1)}


def systems(parts: Sequence[Any]) -> Iterator[list[Data]]:
    """Lists of relations, one of which holds wherever all ``parts`` hold.

    Parameters
    ----------
    parts : sequence of SymPy relations between polynomials, and of their And, Or, Not, Implies

    Raises
    ------
    InputError
        For anything else.

    Examples
    --------
    >>> x = sp.Symbol("x")
    >>> list(systems([x > 1, sp.Ne(x, 2)]))
    [[{'op': '>', 'poly': [['1', {'x': 1}], ['-1', {}]]}, {'op': '!=', 'poly': [['1', {'x': 1}], ['-2', {}]]}]]
    """
    for choice in product(*(_alternatives(p, True) for p in parts)):
        yield [r for conjunction in choice for r in conjunction]


def _alternatives(part: Any, wanted: bool) -> list[list[Data]]:
    """The disjunctive normal form of ``part``, or of its negation."""
    if part in (True, False, sp.true, sp.false):
        return [[] if bool(part) == wanted else [FALSE]]
    if isinstance(part, Relation):
        return [[data(part if wanted else part.negated)]]
    if isinstance(part, Not):
        return _alternatives(part.args[0], not wanted)
    if isinstance(part, Implies):
        return _alternatives(Or(Not(part.args[0]), part.args[1]), wanted)
    if not isinstance(part, (And, Or)):
        raise InputError(f"{part} is not a combination of relations")
    inner = [_alternatives(a, wanted) for a in part.args]
    if isinstance(part, Or) == wanted:
        return [conjunction for alternatives in inner for conjunction in alternatives]
    return [[r for conjunction in choice for r in conjunction] for choice in product(*inner)]


def data(relation: Any) -> Data:
    """A SymPy relation between polynomials as data.

    Raises InputError if a side is no polynomial with rational coefficients.
    """
    op, sign = _OP[relation.rel_op]
    difference = relation.lhs - relation.rhs
    names = sorted(difference.free_symbols, key=lambda x: x.name)
    try:
        poly = sp.Poly(sign * difference, *names, domain=sp.QQ) if names else None
    except sp.PolynomialError as problem:
        raise InputError(f"{relation} is no relation between polynomials") from problem
    if poly is None:
        value = sp.Rational(sign * difference)
        return {"op": op, "poly": [[str(value), {}]] if value else []}
    terms = [
        [str(sp.Rational(c)), {x.name: int(k) for x, k in zip(names, m, strict=True) if k}]
        for m, c in poly.terms()
        if c
    ]
    return {"op": op, "poly": terms}
