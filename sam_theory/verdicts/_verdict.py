"""The five verdicts and their order."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["NOT_RUN", "Verdict"]

NOT_RUN = "not-run"
"""What an engine reports that is missing or does not apply; a state of evidence, never a verdict."""


class Verdict(StrEnum):
    r"""What was established about a statement, best first.

    $$\text{proved} > \text{certified} > \text{supported} > \text{undecided} > \text{refuted}$$

    Members
    -------
    PROVED : for all admissible values, by exact algebra or a decision procedure, from named lemmas.
    CERTIFIED : for all values of a stated box or up to a stated horizon, by enclosures.
    SUPPORTED : an adversarial search found no violation.
    UNDECIDED : the budget ended first, or no engine applies.
    REFUTED : a witness was confirmed in exact arithmetic, or by enclosures that exclude equality.

    Source
    ------
    Derived here.

    Examples
    --------
    >>> Verdict.PROVED.meets(Verdict.CERTIFIED), Verdict.SUPPORTED.meets(Verdict.PROVED)
    (True, False)
    >>> Verdict.PROVED.meets(Verdict.REFUTED), Verdict.REFUTED.meets(Verdict.SUPPORTED)
    (False, False)
    """

    PROVED = "proved"
    CERTIFIED = "certified"
    SUPPORTED = "supported"
    UNDECIDED = "undecided"
    REFUTED = "refuted"

    @property
    def rank(self) -> int:
        """Strength of the support for the statement: 3 for proved down to 0 for undecided, -1 for refuted.

        Returns
        -------
        int

        Examples
        --------
        >>> [verdict.rank for verdict in Verdict]
        [3, 2, 1, 0, -1]
        """
        return _RANKS[self]

    def meets(self, expected: Verdict) -> bool:
        """Whether this verdict is what was expected.

        Parameters
        ----------
        expected : Verdict
            A minimum if it is proved, certified, supported or undecided; exact if it is refuted.

        Returns
        -------
        bool

        Examples
        --------
        >>> Verdict.REFUTED.meets(Verdict.REFUTED), Verdict.REFUTED.meets(Verdict.UNDECIDED)
        (True, False)
        """
        aim = Verdict(expected)
        if Verdict.REFUTED in (self, aim):
            return self is aim
        return self.rank >= aim.rank


_RANKS = {
    Verdict.PROVED: 3,
    Verdict.CERTIFIED: 2,
    Verdict.SUPPORTED: 1,
    Verdict.UNDECIDED: 0,
    Verdict.REFUTED: -1,
}
