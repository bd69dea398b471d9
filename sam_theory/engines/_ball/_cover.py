"""Branch and bound: a box is split until every part is decided or the budget ends; nothing is dropped."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from sam_theory.engines._ball._box import Box

__all__ = ["Answer", "Cover", "branch_and_bound", "widest"]


@dataclass(frozen=True)
class Answer:
    """What a test says of a box: True on all of it, False on all of it, None; and which side to split."""

    holds: bool | None
    split: str | None = None
    reason: str = ""


@dataclass
class Cover:
    """The parts of a box; together they are the box.

    ``holds`` and ``fails`` were decided, ``undecided`` were not; ``boxes`` counts the tests.
    """

    whole: Box
    holds: list[Box] = field(default_factory=list)
    fails: list[Box] = field(default_factory=list)
    undecided: list[Box] = field(default_factory=list)
    boxes: int = 0
    reason: str = ""

    @property
    def proved(self) -> bool:
        """Whether the statement holds on the whole box."""
        return not self.fails and not self.undecided

    def part(self, boxes: list[Box]) -> Fraction:
        """The exact part of the volume that ``boxes`` take."""
        names = self.whole.wide
        total = self.whole.volume()
        return sum((b.volume(names) for b in boxes), Fraction(0)) / total

    def remainder(self) -> str:
        """What was left undecided, in words."""
        if not self.undecided:
            return "nothing is left undecided"
        share = float(self.part(self.undecided))
        more = f" ({self.reason})" if self.reason else ""
        return (
            f"{len(self.undecided)} of {len(self.holds) + len(self.fails) + len(self.undecided)} boxes are undecided, "
            f"{share:.3g} of the volume, the first: {self.undecided[0].text()}{more}"
        )


def widest(box: Box, whole: Box) -> str | None:
    """The side that is widest relative to the whole box; None if all are points."""
    return max(box.wide, key=lambda n: box.width(n) / whole.width(n), default=None)


def branch_and_bound(test: Callable[[Box], Answer], whole: Box, budget: int, first_failure: bool = False) -> Cover:
    """Decide ``test`` on every part of ``whole`` with at most ``budget`` tests, the largest parts first.

    With ``first_failure`` it ends at the first part on which the test fails.
    """
    cover = Cover(whole)
    queue = deque([whole])
    while queue:
        if cover.boxes >= budget:
            cover.undecided.extend(queue)
            break
        part = queue.popleft()
        cover.boxes += 1
        answer = test(part)
        if answer.holds is None:
            side = answer.split if answer.split in part.wide else widest(part, whole)
            cover.reason = answer.reason or cover.reason
            if side is None:
                cover.undecided.append(part)
            else:
                queue.extend(part.bisect(side))
        else:
            (cover.holds if answer.holds else cover.fails).append(part)
            if first_failure and not answer.holds:
                cover.undecided.extend(queue)
                break
    return cover
