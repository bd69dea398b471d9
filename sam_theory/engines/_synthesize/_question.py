"""A question to a statement: which symbol is unknown, in which direction, and which hypotheses it replaces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.core.relational import Relational as Relation

from sam_theory.arithmetic import NUMBER, Vec, as_fraction
from sam_theory.errors import InputError, nearest
from sam_theory.theorems import Cycle, Inequality, Lemma, Step, Theorem, Threshold

DIRECTIONS = ("largest", "smallest")


@dataclass(frozen=True)
class Question:
    """``theorem`` without its hypotheses on ``unknown``; ``factor_of`` where the unknown multiplies an abbreviation."""

    theorem: Theorem
    unknown: sp.Symbol
    direction: str
    dropped: tuple[Relation, ...]
    at: Mapping[sp.Symbol, sp.Rational]
    factor_of: tuple[sp.Symbol, sp.Expr] | None = None
    #: the proof of the statement as it stands, where the unknown is a factor
    plain_proof: tuple[Any, ...] = ()

    @property
    def largest(self) -> bool:
        """Whether the claim is asked to hold up to the answer (and otherwise from the answer on)."""
        return self.direction == "largest"

    def within(self, bound: Any, included: bool = True) -> Relation:
        """The unknown on the side of ``bound`` where the claim is to hold."""
        u = self.unknown
        relations = (sp.LessThan, sp.StrictLessThan) if self.largest else (sp.GreaterThan, sp.StrictGreaterThan)
        return relations[not included](u, bound, evaluate=False)

    def beyond(self, bound: Any, included: bool = False) -> Relation:
        """The unknown on the other side of ``bound``."""
        u = self.unknown
        relations = (sp.GreaterThan, sp.StrictGreaterThan) if self.largest else (sp.LessThan, sp.StrictLessThan)
        return relations[not included](u, bound, evaluate=False)

    def moved(self, bound: Any, distance: Any) -> Any:
        """``bound`` moved beyond by the part ``distance`` of itself."""
        return bound * (1 + distance) if self.largest else bound * (1 - distance)

    def restricted(self, *relations: Any) -> Theorem:
        """The statement under further hypotheses."""
        return self.theorem.with_(hypotheses=(*self.theorem.hypotheses, *relations))


def ask(
    theorem: Theorem,
    name: str,
    direction: str,
    *,
    at: Mapping[str, Any] | None = None,
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    claim_only: bool = False,
) -> Question:
    """The question for the ``direction`` value of ``name`` for which ``theorem`` holds.

    Raises InputError for unknown names, values that are not rational, and questions without meaning.
    """
    if direction not in DIRECTIONS:
        raise InputError(f"unknown direction '{direction}'; {nearest(direction, DIRECTIONS)}")
    if claim_only:
        theorem = theorem.with_(proof=tuple(p for p in theorem.proof if not speaks_of_parameters(theorem, p)))
    plain_proof = theorem.proof
    theorem, unknown, factor_of = _with_unknown(theorem, name)
    symbols = {s.name: s for s in theorem.symbols}
    values = {}
    for key, value in (at or {}).items():
        if key not in symbols or symbols[key] == unknown:
            raise InputError(f"theorem {theorem.slug}: unknown parameter '{key}' in at; {nearest(key, symbols)}")
        try:
            fraction = Fraction(value.strip()) if isinstance(value, str) else as_fraction(value)
        except (ValueError, TypeError, ZeroDivisionError):
            raise InputError(f"{key}={value} is not a rational number; write {key}=1/2") from None
        values[symbols[key]] = sp.Rational(fraction.numerator, fraction.denominator)
    dropped = _dropped(theorem, unknown, drop, keep)
    fixed = tuple(sp.Eq(s, v, evaluate=False) for s, v in values.items())
    kept = tuple(h for h in theorem.hypotheses if h not in dropped)
    for h in (*kept, *map(_as_said, values.items())):
        if truth(theorem.expand(h), values) is False:
            raise InputError(f"theorem {theorem.slug}: the values in at contradict the hypothesis {h}")
    lost = map(_sign, _lost(theorem, kept, unknown))
    bare = theorem.with_(
        hypotheses=(*kept, *fixed, *lost),
        claim=_without_existence(theorem, unknown),
        attained_by=None,
        candidate=None,
        mutants=(),
        tightness="",
        expected="refuted",
        status="quoted",  # the values in at have no dimension
    )
    return Question(bare, unknown, direction, dropped, values, factor_of, plain_proof)


def _lost(theorem: Theorem, kept: Sequence[Any], unknown: sp.Symbol) -> list[sp.Symbol]:
    """Symbols that only a dropped hypothesis mentions: without one they would lose their assumptions."""
    claim = _without_existence(theorem, unknown)
    parts = (*(e for e in claim.map(theorem.expand).formulas()), *map(theorem.expand, kept))
    left = set().union(*(e.free_symbols for e in parts)) | set(getattr(theorem.loss, "class_symbols", ()))
    return [s for s in theorem.symbols if s not in left]


def _sign(s: sp.Symbol) -> Any:
    """What the assumptions on a symbol say, as a hypothesis that mentions it."""
    if s.is_positive:
        return sp.Gt(s, 0, evaluate=False)
    return sp.Ge(s if s.is_nonnegative else s**2, 0, evaluate=False)


def speaks_of_parameters(theorem: Theorem, item: Step | Lemma) -> bool:
    """Whether a step of a proof asserts something of the parameters alone, such as that a rate is positive."""
    if not isinstance(item, Step) or item.using or not isinstance(item.claim, Inequality):
        return False
    return not any(theorem.expand(e).atoms(Vec) for e in item.claim.formulas())


def _as_said(pair: tuple[sp.Symbol, sp.Rational]) -> Any:
    s, v = pair
    signs = ((s.is_positive, v > 0), (s.is_nonnegative, v >= 0), (s.is_negative, v < 0))
    return sp.Gt(s, 0, evaluate=False) if any(said and not holds for said, holds in signs) else sp.true


def _with_unknown(theorem: Theorem, name: str) -> tuple[Theorem, sp.Symbol, tuple[sp.Symbol, sp.Expr] | None]:
    symbols = {s.name: s for s in theorem.symbols}
    if name in symbols:
        unknown = symbols[name]
        if name in {s.name for s in getattr(theorem.loss, "class_symbols", ())}:
            raise InputError(f"theorem {theorem.slug}: '{name}' is a constant of the class; ask for another parameter")
        return theorem, unknown, None
    abbreviations = {s.name: s for s in theorem.where}
    if name not in abbreviations:
        raise InputError(
            f"theorem {theorem.slug}: unknown parameter '{name}'; {nearest(name, [*symbols, *abbreviations])}"
        )
    symbol = abbreviations[name]
    meaning = sp.sympify(theorem.where[symbol])
    factor = sp.Symbol(f"{name}_factor", positive=True)

    def scaled(e: Any) -> Any:
        return e.subs(meaning, factor * meaning) if isinstance(e, sp.Basic) and not meaning.is_number else e

    proof: list[Any] = []
    for item in theorem.proof:
        proof.append(replace(item, claim=item.claim.map(scaled)) if isinstance(item, Step) else item.expanded(scaled))
    changed = theorem.with_(
        where={**theorem.where, symbol: factor * meaning}, proof=tuple(proof), attained_by=None, mutants=(),
        dimensions={**theorem.dimensions, factor.name: NUMBER},
    )  # fmt: skip
    return changed, factor, (symbol, theorem.expand(meaning))


def _dropped(theorem: Theorem, unknown: sp.Symbol, drop: Sequence[str], keep: Sequence[str]) -> tuple[Relation, ...]:
    known = {_bare(str(h)): h for h in theorem.hypotheses if h is not sp.true}
    # a threshold, or when a cycle exists, is asked of the claim itself: the hypotheses are its frame
    framed = isinstance(theorem.claim, Threshold) or _exists_iff(theorem, unknown)
    chosen = {
        h: not framed and unknown in theorem.expand(h).free_symbols and not sign_condition(h, unknown)
        for h in known.values()
    }
    for texts, value in ((drop, True), (keep, False)):
        for text in texts:
            if _bare(text) not in known:
                shown = nearest(_bare(text), known)
                raise InputError(f"theorem {theorem.slug}: no hypothesis '{text}'; {shown}")
            chosen[known[_bare(text)]] = value
    return tuple(h for h, gone in chosen.items() if gone)


def _bare(text: str) -> str:
    return "".join(text.split())


def sign_condition(h: Relation, unknown: sp.Symbol) -> bool:
    """Whether a hypothesis says no more than the sign of the unknown."""
    return {h.lhs, h.rhs} == {unknown, sp.S.Zero}


def _without_existence(theorem: Theorem, unknown: sp.Symbol) -> Any:
    claim = theorem.claim
    if isinstance(claim, Cycle) and _exists_iff(theorem, unknown):
        return replace(claim, exists_iff=None)
    if isinstance(claim, Threshold) and unknown not in {
        s for e in claim.formulas() for s in theorem.expand(e).free_symbols
    }:
        raise InputError(f"theorem {theorem.slug}: the threshold does not depend on '{unknown}'")
    return claim


def _exists_iff(theorem: Theorem, unknown: sp.Symbol) -> bool:
    relation = getattr(theorem.claim, "exists_iff", None)
    return relation is not None and unknown in theorem.expand(relation).free_symbols


def truth(relation: Any, values: Mapping[Any, Any]) -> bool | None:
    """Whether a relation holds at these values; None where that is not decided, or its sides do not exist."""
    try:
        found = relation.subs(values) if isinstance(relation, sp.Basic) else relation
    except TypeError:  # a comparison with nan
        return None
    return True if found in (True, sp.true) else False if found in (False, sp.false) else None


def rational(value: Fraction) -> sp.Rational:
    """A fraction as a SymPy number."""
    return sp.Rational(value.numerator, value.denominator)
