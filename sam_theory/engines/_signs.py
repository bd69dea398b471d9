"""Signs that relations give a polynomial, read off without a solver.

What the relations say of one monomial or of one polynomial is a set of signs; a polynomial is positive where all of its
terms are, or where they are after a known positive polynomial times a positive number is taken away.  A monomial that
divides all terms is a factor of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sympy.core.relational import Relational

from sam_theory.engines._polynomial import ANY, NEGATIVE, POSITIVE, ZERO, Monomial, coefficients, product, total

__all__ = ["SAID", "Signs", "impossible_by_signs"]

#: The signs that a relation to 0 allows.
SAID = {
    "<": NEGATIVE,
    "<=": NEGATIVE | ZERO,
    ">": POSITIVE,
    ">=": POSITIVE | ZERO,
    "==": ZERO,
    "!=": NEGATIVE | POSITIVE,
}

#: A polynomial as its coprime integer coefficients, the first of them positive.
_Primitive = tuple[tuple[Monomial, int], ...]


@dataclass
class Signs:
    """The signs that relations ``p ⋛ 0`` allow: a set, as the bits NEGATIVE, ZERO and POSITIVE."""

    _monomials: dict[Monomial, int] = field(default_factory=dict)
    _polynomials: dict[_Primitive, int] = field(default_factory=dict)

    def add(self, part: Any) -> None:
        """Take note of a relation with 0 on the right; all else is passed over, which only tells less."""
        form = _primitive(part.lhs) if isinstance(part, Relational) and part.rhs == 0 else None
        if form is None:
            return
        terms, up = form
        said = SAID[part.rel_op] if up else _opposite(SAID[part.rel_op])
        if len(terms) == 1:
            monomial = terms[0][0]
            self._monomials[monomial] = self._monomials.get(monomial, ANY) & said
        else:
            self._polynomials[terms] = self._polynomials.get(terms, ANY) & said

    def of(self, e: Any) -> int:
        """The signs that ``e`` can have where the relations hold, as far as they can be read off."""
        form = _primitive(e)
        if form is None:
            return ANY
        terms, up = form
        found = self._of_terms(terms)
        common = _common(terms)
        if common and found not in (POSITIVE, NEGATIVE, ZERO):
            rest, kept = _normal({_divided(m, common): c for m, c in terms})
            of_rest = self._of_terms(rest)
            found &= product(self._monomial(common), of_rest if kept else _opposite(of_rest))
        return found if up else _opposite(found)

    def _of_terms(self, terms: _Primitive) -> int:
        found = self._polynomials.get(terms, ANY) & self._termwise(dict(terms))
        for other, said in self._polynomials.items():
            if found in (POSITIVE, NEGATIVE, ZERO):
                break
            found &= self._compared(terms, other, said)
        return found

    def _compared(self, terms: _Primitive, other: _Primitive, said: int) -> int:
        """What remains possible for a polynomial that is the sum of ``other`` times a number and terms of one sign."""
        if said in (ANY, NEGATIVE | POSITIVE):
            return ANY
        theirs = dict(other)
        found = ANY
        for ratio in {(c, theirs[m]) for m, c in terms if m in theirs}:
            # theirs·p = c·other + rest, with |theirs| as the factor of p
            c, d = (ratio[0], ratio[1]) if ratio[1] > 0 else (-ratio[0], -ratio[1])
            rest = {m: d * k for m, k in terms}
            for m, k in theirs.items():
                rest[m] = rest.get(m, 0) - c * k
            of_rest = self._termwise({m: k for m, k in rest.items() if k})
            found &= total(of_rest, said if c > 0 else _opposite(said))
        return found

    def _termwise(self, terms: dict[Monomial, int]) -> int:
        found = ZERO
        for monomial, c in terms.items():
            sign = self._monomial(monomial)
            found = total(found, sign if c > 0 else _opposite(sign))
            if found == ANY:
                break
        return found

    def _monomial(self, monomial: Monomial) -> int:
        found = POSITIVE
        for name, k in monomial:
            sign = self._monomials.get(((name, 1),), ANY)
            found = product(found, sign if k % 2 else sign & ZERO | (POSITIVE if sign & ~ZERO else 0))
        return found & self._monomials.get(monomial, ANY)


def impossible_by_signs(relations: Sequence[Any]) -> bool:
    """Whether the signs that relations allow exclude the last of them, as can be read off.

    Examples
    --------
    >>> from sympy import symbols
    >>> x, y = symbols("x y", real=True)
    >>> impossible_by_signs([x > 0, y - x > 0, y < 0]), impossible_by_signs([x > 0, x * y < 0])
    (True, False)
    >>> impossible_by_signs([x > 0, y - x >= 0, x * y - x**2 < 0])
    True
    """
    *others, last = relations or [None]
    if not isinstance(last, Relational) or last.rhs != 0:
        return False
    signs = Signs()
    for part in others:
        signs.add(part)
    return not signs.of(last.lhs) & SAID[last.rel_op]


def _opposite(signs: int) -> int:
    return signs & ZERO | (POSITIVE if signs & NEGATIVE else 0) | (NEGATIVE if signs & POSITIVE else 0)


@lru_cache(maxsize=8192)
def _primitive(e: Any) -> tuple[_Primitive, bool] | None:
    """A polynomial up to a constant factor, and whether that factor is positive; None for 0 and for no polynomial."""
    found = coefficients(e)
    if not found:
        return None
    scale = math.lcm(*(c.denominator for c in found.values()))
    return _normal({m: int(c * scale) for m, c in found.items()})


def _normal(integers: Mapping[Monomial, int]) -> tuple[_Primitive, bool]:
    """Coprime coefficients, the first of them positive, and whether the factor taken out is."""
    terms = sorted(integers.items())
    content = math.gcd(*integers.values())
    up = terms[0][1] > 0
    return tuple((m, (c if up else -c) // content) for m, c in terms), up


def _common(terms: _Primitive) -> Monomial:
    """The monomial that divides all of several terms."""
    if len(terms) < 2:
        return ()
    (first, _), *others = terms
    powers = dict(first)
    for m, _ in others:
        if not powers:
            break
        own = dict(m)
        powers = {name: min(k, own[name]) for name, k in powers.items() if name in own}
    return tuple(sorted(powers.items()))


def _divided(m: Monomial, by: Monomial) -> Monomial:
    powers = dict(by)
    return tuple((name, left) for name, k in m if (left := k - powers.get(name, 0)))
