"""How much work the engines may do, in work units, so that results repeat bit for bit."""

from __future__ import annotations

from dataclasses import dataclass

from sam_theory.errors import InputError, nearest

__all__ = ["BUDGETS", "Budget", "budget_of"]


@dataclass(frozen=True, slots=True)
class Budget:
    """Work units for one statement.

    Parameters
    ----------
    name : str
    simple : int
        Instances of simple rationals for each scene (a family of members, a link, a dimension).
    samples : int
        Random instances for each scene.
    steps : int
        Steps of a trajectory; limits are rechecked at four times that.
    climbs : int
        Rounds of local maximisation of the violation.
    attempts : int
        Suspected violations that are taken to exact arithmetic, for each scene.
    rlimit : int
        z3's resource limit for one query.
    boxes : int
        Boxes that branch and bound may test, for each box of a statement.
    horizon : int
        Steps of an enclosed trajectory.
    grid : int
        Exact evaluations that prove an identity of rational functions on a box.
    """

    name: str
    simple: int
    samples: int
    steps: int
    climbs: int
    attempts: int
    rlimit: int
    boxes: int = 64
    horizon: int = 48
    grid: int = 4096


BUDGETS: dict[str, Budget] = {
    b.name: b
    for b in (
        Budget("quick", simple=192, samples=96, steps=48, climbs=2, attempts=4, rlimit=4_000_000, boxes=32, horizon=24),
        Budget(
            "default",
            simple=512,
            samples=512,
            steps=128,
            climbs=10,
            attempts=8,
            rlimit=40_000_000,
            boxes=96,
            horizon=64,
        ),
        Budget(
            "full",
            simple=2048,
            samples=4096,
            steps=512,
            climbs=40,
            attempts=32,
            rlimit=400_000_000,
            boxes=4096,
            horizon=512,
            grid=65_536,
        ),
    )
}


def budget_of(name: str | Budget) -> Budget:
    """The budget of that name.

    Raises InputError for an unknown name.
    """
    if isinstance(name, Budget):
        return name
    if name not in BUDGETS:
        raise InputError(f"unknown budget '{name}'; {nearest(name, BUDGETS)}")
    return BUDGETS[name]
