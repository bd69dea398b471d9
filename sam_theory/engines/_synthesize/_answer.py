"""The answer to a question: what was found, what was proved, and what remains open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.verdicts import Witness

#: What an answer may be, best first.
STATUSES = ("exact", "interval", "all", "never", "undecided")


@dataclass(frozen=True)
class Synthesis:
    """The largest or smallest value of a parameter for which a statement holds.

    ``status`` is one of

    - ``exact``: proved up to ``value`` and refuted beyond it, for all values of the other parameters that
      ``value`` mentions; those that it does not mention are quantified: beyond, the statement fails for some of them;
    - ``interval``: proved up to ``lower`` (a largest value; from ``upper`` on for a smallest one) and refuted by a
      witness at the other end;
    - ``all``: proved for every admissible value;
    - ``never``: refuted for every admissible value;
    - ``undecided``: see ``reason``.
    """

    slug: str
    unknown: str
    direction: str
    status: str
    value: sp.Expr | None = None
    #: whether the statement holds at ``value`` itself; None where that was not decided
    included: bool | None = None
    #: how the statement was proved up to the value, and refuted beyond it
    holds: str = ""
    fails: str = ""
    witness: Witness | None = None
    witness_at: Fraction | None = None
    lower: Fraction | None = None
    upper: Fraction | None = None
    dropped: tuple[str, ...] = ()
    at: Mapping[str, str] = field(default_factory=dict)
    factor_of: tuple[str, str] | None = None
    trust_base: tuple[str, ...] = ()
    reason: str = ""

    @property
    def answered(self) -> bool:
        """Whether the question is settled, if only by an interval."""
        return self.status != "undecided"

    @property
    def decimal(self) -> str | None:
        """The value to 12 digits where it is a number."""
        return str(sp.N(self.value, 12)) if self.value is not None and self.value.is_number else None

    def relation(self) -> str:
        """The range in which the statement holds, as text."""
        largest = self.direction == "largest"
        sign = (
            {True: "<=", False: "<", None: "<"}[self.included]
            if largest
            else {True: ">=", False: ">", None: ">"}[self.included]
        )
        return f"{self.unknown} {sign} {self.value}"

    def to_json(self) -> dict[str, Any]:
        """The answer as plain data."""
        return {
            "slug": self.slug,
            "unknown": self.unknown,
            "direction": self.direction,
            "status": self.status,
            "value": None if self.value is None else str(self.value),
            "decimal": self.decimal,
            "included": self.included,
            "lower": None if self.lower is None else str(self.lower),
            "upper": None if self.upper is None else str(self.upper),
            "holds": self.holds,
            "fails": self.fails,
            "witness": None if self.witness is None else self.witness.to_json(),
            "witness_at": None if self.witness_at is None else str(self.witness_at),
            "dropped": list(self.dropped),
            "at": dict(self.at),
            "factor_of": None
            if self.factor_of is None
            else dict(zip(("name", "formula"), self.factor_of, strict=True)),
            "trust_base": list(self.trust_base),
            "reason": self.reason,
        }
