"""Observables reduced over time: the largest, smallest or mean value over many steps, without recording them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy as sp

from sam_theory.dynamics._outcome import FloatArray
from sam_theory.errors import InputError, nearest

REDUCTIONS = {"max": np.maximum, "min": np.minimum, "mean": np.add}

#: What an empty reduction is; −0 + x is x for every x.
IDENTITY = {"max": -np.inf, "min": np.inf, "mean": -0.0}


@dataclass(frozen=True)
class Over:
    r"""A reduction of a scalar observable over the states of a trajectory.

    Parameters
    ----------
    reduction : "max", "min" or "mean"
        A mean is the sum in the order of time over the number of states.
    expression : sympy.Expr
        Of the vectors, coordinates, parameters and ``t``, as for an observable.
    last : int, optional
        The states of how many steps, counted from the end: t = T−last+1, …, T.  Without it all, the start included.

    Raises
    ------
    InputError
        For another reduction, a formula that is none, or a number of steps that is not positive.

    Examples
    --------
    >>> import sympy as sp
    >>> from sam_theory.dynamics import Map, Over, simulate
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import sam
    >>> largest = Over("max", sp.Abs(sp.Symbol("w1")), last=100)
    >>> run = simulate(Map(sam, Quadratic(1)), [1.0], steps=400, eta=0.5, rho=0.3, observables={"size": largest})
    >>> run.observables["size"].round(12)
    np.float64(0.1)
    """

    reduction: str
    expression: sp.Basic
    last: int | None = None

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise InputError(
                f"the reduction {self.reduction!r} is not known; {nearest(str(self.reduction), REDUCTIONS)}"
            )
        if not isinstance(self.expression, sp.Basic):
            raise InputError(f"what is reduced over time must be a SymPy expression, not {self.expression!r}")
        whole = isinstance(self.last, (int, np.integer)) and not isinstance(self.last, bool)
        if self.last is not None and (not whole or self.last < 1):
            raise InputError(f"last is {self.last!r}; give a positive number of steps, or none for all")

    def first(self, steps: int) -> int:
        """The first step that counts in a run of this many steps."""
        return 0 if self.last is None else max(0, steps + 1 - self.last)


class Reduced:
    """The running value of an :class:`Over` for n trajectories."""

    def __init__(self, over: Over, steps: int, n: int) -> None:
        self.over, self.begin, self.steps = over, over.first(steps), steps
        self.total = np.full(n, IDENTITY[over.reduction])

    def take(self, t: int, values: FloatArray) -> None:
        """The values at step ``t``."""
        if t >= self.begin:
            self.total = REDUCTIONS[self.over.reduction](self.total, values)

    def result(self) -> FloatArray:
        """After the last step."""
        return self.total / (self.steps + 1 - self.begin) if self.over.reduction == "mean" else self.total
