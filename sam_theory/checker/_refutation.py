"""Exact refutations of polynomial systems over the reals: the format, and the checker.

The data are plain JSON.

A **polynomial** is a list of terms ``["p/q", {"x": 2, "y": 1}]``: a rational other than 0 in lowest terms (``"3"``,
``"-1/2"``), and the positive exponents of a monomial; no monomial occurs twice, and the empty list is 0.

A **relation** is ``{"op": ">=", "poly": P}`` and says ``P op 0``; the operators are ``>=``, ``>``, ``==`` and ``!=``.

A **refutation** of a list of relations is a tree of nodes, each of one of two forms.

``{"combine": [term, ...]}``
    A contradiction 0 > 0: the terms add up to the polynomial 0 identically, while each is ≥ 0 wherever all relations
    hold, and at least one is > 0.  A term is

    - ``{"coefficient": "p/q", "factors": [i, ...], "square": S}``: the coefficient, which is positive, times S² (1
      without ``square``), times the product of the relations' factors, whose indices ascend and may repeat.
      The factor of ``P >= 0`` and of ``P > 0`` is P, that of ``P != 0`` is P²; ``P == 0`` has none.  The term
      is > 0 where ``square`` is left out and no factor stems from a ``>=``; so is the constant, ``"factors": []``.
    - ``{"equality": j, "cofactor": C}``: C·P for the relation ``P == 0`` of index j, C any polynomial.  It is 0.

``{"split": P, "cases": {"<0": node, "=0": node, ">0": node}}``
    Every real number falls into a case.  Each case is refuted with its relation appended to the list, where it has the
    next index: −P > 0, P = 0, P > 0 and so on.  Complete sets of cases are ``<0 =0 >0``, ``<=0 >0``, ``<0 >=0``
    and ``=0 !=0``.  A lemma is a split in which all cases but one are refuted at once.

Nothing else is accepted: no further key, no other form of a number, no variable that the relations do not name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from operator import add
from typing import Any

__all__ = ["Rejected", "verify"]

_Poly = dict[tuple[int, ...], Fraction | int]
_Relation = tuple[str, _Poly]

_RATIONAL = re.compile(r"-?(0|[1-9][0-9]*)(/[1-9][0-9]*)?", re.ASCII)
_DIGITS, _DEGREE, _FACTORS, _DEPTH, _WORK = 1000, 200, 32, 100, 2_000_000
_CASES = (("<0", "=0", ">0"), ("<=0", ">0"), ("<0", ">=0"), ("=0", "!=0"))
_APPENDED = {"<0": (">", -1), "<=0": (">=", -1), "=0": ("==", 1), "!=0": ("!=", 1), ">=0": (">=", 1), ">0": (">", 1)}


class Rejected(ValueError):
    """The refutation does not prove what it should; the message says where and why."""


def verify(tree: Any, relations: Any) -> None:
    """Check in exact arithmetic that ``tree`` refutes ``relations``: that no real numbers satisfy all of them.

    Parameters
    ----------
    tree, relations : JSON data
        In the format of this module.

    Raises
    ------
    Rejected
        If anything about the tree or the relations is not as the format says, if a sum of terms is not identically 0,
        or if the tree is deeper, or its numbers and polynomials larger, than any honest one.

    Examples
    --------
    x > 0 and −x ≥ 0 exclude each other, since their sum is 0 and positive:

    >>> x, minus_x = [["1", {"x": 1}]], [["-1", {"x": 1}]]
    >>> terms = [{"coefficient": "1", "factors": [0]}, {"coefficient": "1", "factors": [1]}]
    >>> verify({"combine": terms}, [{"op": ">", "poly": x}, {"op": ">=", "poly": minus_x}])
    """
    _Checker(relations).check(tree)


def read(relations: Any) -> None:
    """Raise :class:`Rejected` if the relations are not in the format of this module."""
    _Checker(relations)


class _Checker:
    def __init__(self, relations: Any) -> None:
        self._work = _WORK
        listed = [_record(r, "a relation", "op", "poly") for r in _list(relations, "the relations")]
        names = {x for r in listed for t in _list(r["poly"], "a polynomial") for x in _monomial(t)}
        self._index = {name: i for i, name in enumerate(sorted(names))}
        self._one: _Poly = {(0,) * len(names): 1}
        self._relations: tuple[_Relation, ...] = tuple((_operator(r["op"]), self._poly(r["poly"])) for r in listed)

    def check(self, tree: Any) -> None:
        todo = [(tree, self._relations, "root")]
        while todo:
            node, known, at = todo.pop()
            if len(known) > len(self._relations) + _DEPTH:
                raise Rejected(f"the tree is deeper than {_DEPTH} splits")
            if isinstance(node, dict) and set(node) == {"combine"}:
                self._combine(_list(node["combine"], at), known, at)
                continue
            split = _record(node, at, "split", "cases")
            p, cases = self._poly(split["split"]), split["cases"]
            if not isinstance(cases, dict) or set(cases) not in map(set, _CASES):
                raise Rejected(f"{at}: the cases are not one of {', '.join(map(' '.join, _CASES))}")
            for case, child in cases.items():
                op, sign = _APPENDED[case]
                todo.append((child, (*known, (op, self._times(p, {k: sign for k in self._one}))), f"{at}, {case}"))

    def _combine(self, terms: Sequence[Any], known: Sequence[_Relation], at: str) -> None:
        total: _Poly = {}
        positive = False
        for n, term in enumerate(terms):
            where = f"{at}, term {n}"
            if isinstance(term, dict) and "equality" in term:
                _record(term, where, "equality", "cofactor")
                op, p = known[_below(term["equality"], len(known), where)]
                if op != "==":
                    raise Rejected(f"{where}: relation {term['equality']} is no equality")
                value = self._times(self._poly(term["cofactor"]), p)
            else:
                value, strict = self._nonnegative(term, known, where)
                positive |= strict
            for m, c in value.items():
                total[m] = total.get(m, 0) + c
        if not positive:
            raise Rejected(f"{at}: no term is positive")
        if any(total.values()):
            raise Rejected(f"{at}: the terms do not add up to 0")

    def _nonnegative(self, term: Any, known: Sequence[_Relation], at: str) -> tuple[_Poly, bool]:
        square = ("square",) if isinstance(term, dict) and "square" in term else ()
        _record(term, at, "coefficient", "factors", *square)
        coefficient = _rational(term["coefficient"])
        if coefficient <= 0:
            raise Rejected(f"{at}: the coefficient {coefficient} is not positive")
        value: _Poly = {k: coefficient for k in self._one}
        indices = [_below(i, len(known), at) for i in _list(term["factors"], at)]
        if indices != sorted(indices) or len(indices) > _FACTORS:
            raise Rejected(f"{at}: the indices of the factors do not ascend, or are more than {_FACTORS}")
        strict = not square
        for op, p in (known[i] for i in indices):
            if op == "==":
                raise Rejected(f"{at}: an equality is no factor")
            strict &= op != ">="
            value = self._times(value, p)
            value = self._times(value, p) if op == "!=" else value
        if square:
            s = self._poly(term["square"])
            value = self._times(self._times(value, s), s)
        return value, strict

    def _times(self, p: _Poly, q: _Poly) -> _Poly:
        self._work -= 1 + len(p) * len(q)
        if self._work < 0:
            raise Rejected("the polynomials are too large")
        result: _Poly = {}
        for m, c in p.items():
            for n, d in q.items():
                key = tuple(map(add, m, n))
                result[key] = result.get(key, 0) + c * d
        return {m: c for m, c in result.items() if c}

    def _poly(self, data: Any) -> _Poly:
        result: _Poly = {}
        for term in _list(data, "a polynomial"):
            exponents = [0] * len(self._index)
            for name, power in _monomial(term).items():
                if name not in self._index:
                    raise Rejected(f"the relations have no variable {name!r}")
                exponents[self._index[name]] = power
            key, value = tuple(exponents), _rational(term[0])
            if key in result or not value:
                raise Rejected("a polynomial repeats a monomial, or has the coefficient 0")
            result[key] = value
        return result


# -- JSON ----------------------------------------------------------------------------------------------------------
def _list(data: Any, what: str) -> list[Any]:
    if not isinstance(data, list):
        raise Rejected(f"{what}: a list is expected, not {type(data).__name__}")
    return data


def _record(data: Any, what: str, *keys: str) -> dict[str, Any]:
    if not isinstance(data, dict) or set(data) != set(keys):
        raise Rejected(f"{what}: an object with exactly the keys {', '.join(keys)} is expected")
    return data


def _operator(op: Any) -> str:
    if op not in (">=", ">", "==", "!="):
        raise Rejected(f"{op!r} is no operator; use >=, >, == or !=")
    return str(op)


def _below(index: Any, bound: int, what: str) -> int:
    if type(index) is not int or not 0 <= index < bound:
        raise Rejected(f"{what}: {index!r} is no index below {bound}")
    return index


def _monomial(term: Any) -> dict[str, int]:
    if not isinstance(term, list) or len(term) != 2 or not isinstance(term[1], dict):
        raise Rejected("a term of a polynomial is [rational, {name: exponent}]")
    for name, power in term[1].items():
        if not isinstance(name, str) or type(power) is not int or not 0 < power <= _DEGREE:
            raise Rejected(f"an exponent is an integer from 1 to {_DEGREE}, not {power!r}")
    return term[1]


def _rational(text: Any) -> Fraction | int:
    if not isinstance(text, str) or len(text) > _DIGITS or not _RATIONAL.fullmatch(text):
        raise Rejected("a rational is a text such as '3' or '-1/2'")
    value = Fraction(text)
    if str(value) != text:
        raise Rejected(f"the rational {text} is not in lowest terms")
    return value.numerator if value.denominator == 1 else value
