"""Where a certificate holds: an exact box, up to a horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from sam_theory.verdicts._evidence import Witness

__all__ = ["Region"]


@dataclass(frozen=True)
class Region:
    """The instances that a certificate speaks of, in exact rationals written as texts.

    Parameters
    ----------
    loss : str
        The loss, member or link by name.
    sides : Mapping[str, tuple[str, str]]
        Lower and upper end of each parameter.
    start : tuple of (str, str)
        The same for each coordinate of the start; empty for every start.
    horizon : int or None
        The last step; None where the claim knows none.
    partial : bool
        Whether a part of the box is excepted, so that membership cannot be read off.
    member : bool
        Whether `loss` is but one member of the class, or one link, that the statement speaks of.

    Examples
    --------
    >>> region = Region("w**2", {"eta": ("1/4", "1/2")})
    >>> inside = Witness("point", "w**2", {"eta": "1/3"}, ("1",), None, "2", "1", "fraction")
    >>> region.contains(inside), Region("w**2", {"eta": ("1/2", "1")}).contains(inside)
    (True, False)
    """

    loss: str
    sides: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    start: tuple[tuple[str, str], ...] = ()
    horizon: int | None = None
    partial: bool = False
    member: bool = False

    def contains(self, witness: Witness) -> bool:
        """Whether ``witness`` certainly lies inside: only then do the two contradict each other."""
        if self.partial or self.loss not in (witness.loss, witness.extra.get("member"), witness.extra.get("link")):
            return False
        if self.horizon is not None and (witness.step is None or witness.step > self.horizon):
            return False
        if not all(n in witness.params and _within(witness.params[n], ends) for n, ends in self.sides.items()):
            return False
        if not self.start:
            return True
        return len(self.start) == len(witness.start) and all(map(_within, witness.start, self.start))


def _within(value: str, ends: tuple[str, str]) -> bool:
    try:
        return Fraction(ends[0]) <= Fraction(value) <= Fraction(ends[1])
    except ValueError:
        return False
