r"""How a trajectory ended: five names with stated tolerances, and the monitor that tells them apart.

Steps are numbered from 1: step t turns :math:`w_{t-1}` into :math:`w_t`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Float64

FloatArray = npt.NDArray[np.float64]

DIVERGED_BEYOND = 1e12
"""A trajectory with ‖w‖ above this has diverged."""

SETTLED_WITHIN = 1e-12
"""A displacement at most this times max(‖w_0‖, ‖w_t‖) counts as none."""


class Outcome(StrEnum):
    r"""How a trajectory ended; ``str(outcome)`` is the name in files, ``outcome.text`` the explanation.

    Examples
    --------
    >>> Outcome("period-2") is Outcome.PERIOD_2
    True
    >>> Outcome.RUNNING.text
    'none of the other four held at the last step: (a) take more steps, (b) look at the recorded states, ...'
    """

    RUNNING = "running"
    """None of the other four held at the last step."""
    CONVERGED = "converged"
    r""":math:`\|w_T-w_{T-1}\|\le 10^{-12}\max(\|w_0\|,\|w_T\|)`; ``step`` is the first step from there on."""
    PERIOD_2 = "period-2"
    r"""Not converged, :math:`\|w_T-w_{T-2}\|\le 10^{-12}\max(\|w_0\|,\|w_T\|)`; ``step`` as for converged."""
    DIVERGED = "diverged"
    r"""Step ``step`` led to :math:`\|w\|>10^{12}` or out of the floats; the last finite state is kept."""
    ZERO_GRADIENT = "zero-gradient"
    """:math:`∇L(w)` became exactly 0 on the way; ``step`` is the first step that changed nothing."""

    @property
    def text(self) -> str:
        """Tolerance, cause and remedies in one line."""
        return _TEXTS[self]


_TEXTS = {
    Outcome.RUNNING: (
        "none of the other four held at the last step: (a) take more steps, (b) look at the recorded states, "
        "the orbit may have a longer period, drift or be chaotic"
    ),
    Outcome.CONVERGED: (
        "the last displacement is at most 1e-12 max(|w_0|, |w_T|): the iterates settled, or move more slowly "
        "than this per step; (a) look at the gradient to tell the two apart, (b) take more steps"
    ),
    Outcome.PERIOD_2: (
        "w_T = w_(T-2) within 1e-12 max(|w_0|, |w_T|), but not w_(T-1): the step is too long "
        "or the perturbation too large; (a) reduce eta, (b) reduce rho, (c) compute the cycle with two_cycles"
    ),
    Outcome.DIVERGED: (
        "|w| exceeded 1e12 or a step left the range of floats; the last finite state is kept; "
        "(a) reduce eta, (b) reduce rho, (c) start nearer to the minimum"
    ),
    Outcome.ZERO_GRADIENT: (
        "the gradient vanished exactly (in float64) before the displacements had become small, and the state "
        "stays: the unit vector of 0 is 0; (a) start at a generic point, (b) perturb eta or rho, "
        "(c) use eps > 0 to see whether the normalisation matters"
    ),
}


def settled(displacement: Any, start_norm: Any, w: FloatArray) -> Any:
    """Whether a displacement (d, n) of iterates ``w`` (d, n) counts as none, for each column."""
    norm = Float64().norm
    return norm(displacement) <= SETTLED_WITHIN * np.maximum(start_norm, norm(w))


def has_diverged(state: Mapping[str, FloatArray], iterate: str) -> Any:
    """For each column, whether the iterate is beyond the limit or anything is not finite."""
    w = state[iterate]
    top = np.max(np.abs(w), axis=0)
    bad = ~(top <= DIVERGED_BEYOND)
    if np.any(top > 0.5 * DIVERGED_BEYOND / np.sqrt(len(w))):
        bad |= Float64().norm(w) > DIVERGED_BEYOND
    for name, v in state.items():
        if name != iterate:
            bad |= ~np.isfinite(v).all(axis=0)
    return bad


def label(settled_since: Any, cycling_since: Any, stuck: Any, steps: int, patience: int) -> tuple[Any, Any]:
    """Outcome names and steps of trajectories that have not diverged.

    ``patience`` is the number of steps a label must have held: the number of state vectors, because with a
    momentum one step that moves nothing is no evidence.
    """
    held = steps + 1 - patience
    rest = (settled_since > 0) & ((settled_since <= held) | stuck)
    cycle = ~rest & (cycling_since > 0) & (cycling_since <= held)
    names = np.where(rest, np.where(stuck, Outcome.ZERO_GRADIENT, Outcome.CONVERGED), str(Outcome.RUNNING))
    names = np.where(cycle, str(Outcome.PERIOD_2), names)
    return names, np.where(rest, settled_since, np.where(cycle, cycling_since, steps))


class Monitor:
    """Follows the columns of a batch: since when each has been settled, alternating or stuck."""

    def __init__(self, start: FloatArray) -> None:
        n = start.shape[1]
        self.start_norm = np.asarray(Float64().norm(start))
        self.settled_since = np.zeros(n, dtype=np.int64)
        self.cycling_since = np.zeros(n, dtype=np.int64)
        self.stuck = np.zeros(n, dtype=bool)
        self._before: FloatArray | None = None

    def _close(self, a: FloatArray, b: FloatArray | None) -> npt.NDArray[np.bool_]:
        if b is None:
            return np.zeros(a.shape[1], dtype=bool)
        # The largest coordinate is cheap and decides almost always.
        displacement = a - b
        bound = SETTLED_WITHIN * np.maximum(self.start_norm, 2.0 * np.sqrt(len(a)) * np.max(np.abs(a), axis=0))
        close = np.asarray(np.max(np.abs(displacement), axis=0) <= bound)
        if close.any():
            at = np.flatnonzero(close)
            close[at] = settled(displacement[:, at], self.start_norm[at], a[:, at])
        return close

    def update(self, t: int, old: FloatArray, new: FloatArray, stuck: npt.NDArray[np.bool_]) -> None:
        """Take note of step ``t`` from ``old`` to ``new``; ``stuck`` marks columns at zero gradient."""
        close = self._close(new, old)
        again = self._close(new, self._before) & ~close
        self.stuck = close & stuck & (self.stuck | (self.settled_since == 0))
        self.settled_since = np.where(close, np.where(self.settled_since > 0, self.settled_since, t), 0)
        self.cycling_since = np.where(again, np.where(self.cycling_since > 0, self.cycling_since, t), 0)
        self._before = old

    def keep(self, columns: npt.NDArray[np.bool_]) -> None:
        """Forget the other columns."""
        for name in ("start_norm", "settled_since", "cycling_since", "stuck"):
            setattr(self, name, getattr(self, name)[columns])
        if self._before is not None:
            self._before = self._before[:, columns]
