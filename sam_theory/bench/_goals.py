"""What the package has to reach, and whether it does."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["GOALS", "Goal", "Judged", "judge", "median"]

SETTLING = "ours, settling "
FASTEST_C = "fastest C"


@dataclass(frozen=True)
class Goal:
    """A bound on a ratio of medians in one run.

    Attributes
    ----------
    case, ours : str
        Names of a case and of a contender.
    against : str
        A contender, or ``fastest C``: whichever of the contenders in C took least.
    measure : str
        ``cpu``, ``wall``; or ``memory``: MB beyond the output, and ``bound`` is their number.
    bound : float
        ``times less``: at least so many times less than the other; ``at most``: ours over theirs.
    kind : str
    """

    case: str
    ours: str
    against: str
    kind: str
    bound: float
    measure: str = "cpu"

    @property
    def text(self) -> str:
        """The bound in words."""
        if self.measure == "memory":
            return f"≤ output + {self.bound:g} MB"
        return f"≥ {self.bound:g}× less" if self.kind == "times less" else f"≤ {self.bound:g}×"


@dataclass(frozen=True)
class Judged:
    """A goal with what was measured: seconds (or MB) of both, and their ratio."""

    goal: Goal
    ours: float
    theirs: float
    other: str

    @property
    def ratio(self) -> float:
        """Theirs over ours for *times less*, ours over theirs for *at most*."""
        return self.theirs / self.ours if self.goal.kind == "times less" else self.ours / self.theirs

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        if self.goal.measure == "memory":
            return self.ours <= self.theirs + self.goal.bound
        return self.ratio >= self.goal.bound if self.goal.kind == "times less" else self.ratio <= self.goal.bound


def _less(case: str, ours: str, bound: float, measure: str = "cpu") -> Goal:
    return Goal(case, ours, "optax", "times less", bound, measure)


def _most(case: str, ours: str, bound: float, measure: str = "cpu") -> Goal:
    return Goal(case, ours, FASTEST_C, "at most", bound, measure)


GOALS = (
    _less("W1 log cosh SAM", SETTLING + "off", 12),
    _most("W1 log cosh SAM", SETTLING + "off", 1.0),
    _less("W1 √ SAM", SETTLING + "off", 12),
    _most("W1 √ SAM", SETTLING + "off", 1.2),
    _less("W1 log cosh USAM", SETTLING + "1e-12", 30),
    _most("W1 log cosh USAM", SETTLING + "1e-12", 1.0),
    _less("W1 √ USAM", SETTLING + "1e-12", 30),
    _most("W1 √ USAM", SETTLING + "1e-12", 1.0),
    _less("W2", SETTLING + "exact", 1.7),
    _most("W2", SETTLING + "exact", 1.4),
    _less("W3", SETTLING + "exact", 40),
    _most("W3", SETTLING + "exact", 1.3),
    _less("W4", SETTLING + "exact", 3),
    _most("W4", SETTLING + "exact", 1.1),
    _less("W5", SETTLING + "exact", 6, "wall"),
    _most("W5", SETTLING + "exact", 1.0, "wall"),
    Goal("W5", SETTLING + "exact", "output", "at most", 100, "memory"),
    _less("first", "ours, auto", 1.5, "wall"),
)
"""Default settings (settling exact) except where a goal speaks of another."""


def median(record: Mapping[str, Any], measure: str) -> float | None:
    """The median over the rounds of a contender; None if it was not timed."""
    if not record["rounds"]:
        return None
    if measure == "memory":
        value = record.get("memory")
        return None if value is None else float(value)
    return statistics.median(each[measure] for each in record["rounds"])


def judge(measured: Sequence[Mapping[str, Any]]) -> list[Judged]:
    """The goals whose contenders were measured, with their ratios.

    Parameters
    ----------
    measured : sequence of dict
        What :func:`measure` returned.
    """
    found = []
    for goal in GOALS:
        for case in measured:
            judged = _judge(goal, case) if case["name"] == goal.case else None
            if judged is not None:
                found.append(judged)
    return found


def _judge(goal: Goal, case: Mapping[str, Any]) -> Judged | None:
    records = {record["name"]: record for record in case["contenders"]}
    ours = median(records[goal.ours], goal.measure) if goal.ours in records else None
    if ours is None:
        return None
    if goal.measure == "memory":
        return Judged(goal, ours, records[goal.ours]["output"], "output")
    in_c = [name for name, record in records.items() if record["peer"] in ("c", "c-fast")]
    names = in_c if goal.against == FASTEST_C else [goal.against]
    medians = {name: median(records[name], goal.measure) for name in names if name in records}
    times = {name: time for name, time in medians.items() if time is not None}
    if not times:
        return None
    other = min(times, key=lambda name: times[name])
    return Judged(goal, ours, times[other], other)
