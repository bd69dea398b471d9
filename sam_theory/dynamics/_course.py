"""What is known of a batch whose trajectories are followed in several ways, and the way of the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._outcome import FloatArray, Monitor, Outcome, has_diverged, label, settled

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.rules import Rule


@dataclass(frozen=True)
class Settling:
    """When a trajectory is stopped: after ``patience`` steps in a row that led back within ``tolerance`` to the state
    two steps before; a tolerance of 0 means the same bits, an infinite patience never."""

    patience: float = 1.0
    tolerance: float = 0.0

    @property
    def stops(self) -> bool:
        """Whether a trajectory is ever stopped."""
        return bool(np.isfinite(self.patience))

    @classmethod
    def of(cls, settling: str | float, rule: Rule) -> Settling:
        """What :func:`simulate` is asked for; rules with a schedule or noise never settle."""
        if settling == "off" or rule.noise or rule.uses_step_number:
            return cls(np.inf)
        return cls() if isinstance(settling, str) else cls(3.0, settling * settling)


@dataclass
class Course:
    """What is known of the trajectories of a batch, up to where each is followed.

    ``start`` and ``state`` have the state vectors (d, n), ``twin`` the other state of those that alternate,
    ``since`` the step at which a trajectory was stopped, -1 while it is followed.
    """

    start: Mapping[str, FloatArray]
    state: dict[str, FloatArray]
    twin: dict[str, FloatArray]
    since: npt.NDArray[np.int64]
    alternates: npt.NDArray[np.bool_]
    diverged: npt.NDArray[np.int64]
    settled: npt.NDArray[np.int64]
    cycling: npt.NDArray[np.int64]
    stuck: npt.NDArray[np.bool_]
    start_norm: FloatArray = field(default_factory=lambda: np.zeros(0))

    def at(self, t: int) -> dict[str, FloatArray]:
        """All states at step t."""
        swapped = np.flatnonzero(self.alternates & ((t - self.since) % 2 == 1))
        if not len(swapped):
            return self.state
        result = {name: v.copy() for name, v in self.state.items()}
        for name, v in result.items():
            v[:, swapped] = self.twin[name][:, swapped]
        return result

    def lost(self, at: npt.NDArray[np.int64], t: int) -> None:
        """Step t led out of bounds."""
        self.diverged[at] = self.since[at] = t

    def settled_at(self, steps: int) -> npt.NDArray[np.int64]:
        """The step at which each trajectory was stopped, -1 for those that diverged or were followed to the end."""
        return np.where((self.diverged >= 0) | (self.since > steps), -1, self.since)

    def labels(self, steps: int, iterate: str) -> tuple[Any, Any]:
        """Outcome and step of each trajectory."""
        self._continue(steps, iterate)
        names, since = label(self.settled, self.cycling, self.stuck, steps, len(self.state))
        lost = self.diverged >= 0
        return np.where(lost, str(Outcome.DIVERGED), names), np.where(lost, self.diverged, since)

    def _continue(self, steps: int, iterate: str) -> None:
        """The labels of what alternates, at the last step instead of the one at which it was stopped."""
        for i in np.flatnonzero(self.alternates & (self.since < steps)):
            one, other = self.state[iterate][:, [i]], self.twin[iterate][:, [i]]
            norm = self.start_norm[[i]]
            phases = [bool(settled(one - other, norm, w)[0]) for w in (one, other)]
            if phases[0] == phases[1]:
                if not phases[0]:
                    self.settled[i], self.cycling[i] = 0, self.cycling[i] or self.since[i] + 1
                continue
            ends = phases[(steps - self.since[i]) % 2]
            self.settled[i], self.cycling[i] = (steps, 0) if ends else (0, steps)


def same_bits(a: Mapping[str, FloatArray], b: Mapping[str, FloatArray]) -> npt.NDArray[np.bool_]:
    """Which columns of two states have the same bits."""
    pairs = [(np.ascontiguousarray(v), np.ascontiguousarray(b[name])) for name, v in a.items()]
    return np.asarray(np.all([(p.view(np.int64) == q.view(np.int64)).all(axis=0) for p, q in pairs], axis=0))


def zero_gradient(map: Map, w: FloatArray, parameters: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """For each column of iterates (d, n), whether the gradient is exactly 0."""
    gradient = map.loss.gradient(Float64(), w, parameters)
    return np.asarray((np.broadcast_to(np.asarray(gradient), w.shape) == 0).all(axis=0))


class Remainder:
    """Trajectories that go on in the reference from the state at which ``course`` left them.

    Parameters
    ----------
    map : Map
    settling : Settling
    course : Course
        What is known of the whole batch; ``twin`` has the states one step earlier.
    at : array (n,)
        The trajectories.
    parameters : dict
        Their parameters.
    t : int
        The step reached.
    """

    def __init__(
        self,
        map: Map,
        settling: Settling,
        course: Course,
        at: npt.NDArray[np.int64],
        parameters: dict[str, Any],
        t: int,
    ) -> None:
        self.map, self.settling, self.course, self.columns, self.time = map, settling, course, at, t
        self.iterate = map.state[0]
        self.parameters = parameters
        self.state = {name: v[:, at] for name, v in course.state.items()}
        self.before = {name: v[:, at] for name, v in course.twin.items()} if t else None
        self.still = np.zeros(len(at))
        self.monitor = Monitor(self.state[self.iterate])
        self.monitor.start_norm = course.start_norm[at]
        self.monitor.settled_since, self.monitor.cycling_since = course.settled[at], course.cycling[at]
        self.monitor._before = None if self.before is None else self.before[self.iterate]

    @staticmethod
    def union(parts: Sequence[Remainder]) -> Remainder:
        """All of them as one, at the step they have reached together."""
        first = parts[0]
        for part in parts:
            part.store()
            for name, v in (part.before or part.state).items():
                part.course.twin[name][:, part.columns] = v
        at = np.concatenate([part.columns for part in parts])
        names = first.parameters
        values = {
            name: first.parameters[name]
            if np.ndim(first.parameters[name]) == 0
            else np.concatenate([part.parameters[name] for part in parts])
            for name in names
        }
        whole = Remainder(first.map, first.settling, first.course, at, values, first.time)
        whole.monitor.stuck = np.concatenate([part.monitor.stuck for part in parts])
        whole.still = np.concatenate([part.still for part in parts])
        return whole

    def advance(self, end: int) -> None:
        """Go on to step ``end``."""
        with np.errstate(all="ignore"):
            for t in range(self.time + 1, end + 1):
                if len(self.columns):
                    self._step(t)
        self.time = end

    def _step(self, t: int) -> None:
        old = self.state
        shape = old[self.iterate].shape
        new = self.map.step(Float64(), old, {**self.parameters, "k": float(t - 1)})
        new = {name: np.ascontiguousarray(np.broadcast_to(v, shape)) for name, v in new.items()}
        diverged = has_diverged(new, self.iterate)
        if diverged.any():
            lost = ~np.all([np.isfinite(v).all(axis=0) for v in new.values()], axis=0)
            new = {name: np.where(lost, old[name], v) for name, v in new.items()}
        same = np.all([(v == old[name]).all(axis=0) for name, v in new.items()], axis=0) & ~diverged
        stuck = same & zero_gradient(self.map, old[self.iterate], self.parameters) if same.any() else same
        self.monitor.update(t, old[self.iterate], new[self.iterate], stuck)
        calm = self._calm(new)
        self.state, self.before = new, old
        self._leave(t, diverged, calm & ~diverged)

    def _calm(self, new: Mapping[str, FloatArray]) -> npt.NDArray[np.bool_]:
        """Which have come back often enough to the state two steps before."""
        if not self.settling.stops or (self.before is None and self.settling.tolerance):
            return np.zeros(len(self.columns), dtype=bool)
        if self.before is not None and self.settling.tolerance:
            norm, within = Float64().norm, np.sqrt(self.settling.tolerance)
            near = []
            for name, v in new.items():
                size = np.maximum(norm(self.course.start[name][:, self.columns]), norm(v))
                near.append(norm(v - self.before[name]) <= within * size)
            back = np.all(near, axis=0)
        else:
            back = same_bits(new, self.state)
            if self.before is not None:
                back |= same_bits(new, self.before)
        self.still = np.where(back, self.still + 1, 0)
        return np.asarray(self.still >= self.settling.patience)

    def _leave(self, t: int, diverged: Any, calm: Any) -> None:
        stop = diverged | calm
        if not stop.any():
            return
        self.store()
        course, at = self.course, self.columns
        course.lost(at[diverged], t)
        course.since[at[calm]] = t
        course.alternates[at[calm]] = True
        assert self.before is not None
        for name, v in self.before.items():
            course.twin[name][:, at[calm]] = v[:, calm]
        go = ~stop
        self.columns, self.still = at[go], self.still[go]
        self.state = {name: np.ascontiguousarray(v[:, go]) for name, v in self.state.items()}
        self.before = {name: np.ascontiguousarray(v[:, go]) for name, v in self.before.items()}
        self.parameters = {n: v if np.ndim(v) == 0 else v[go] for n, v in self.parameters.items()}
        self.monitor.keep(go)

    def store(self) -> None:
        """Write states and labels into the course."""
        at = self.columns
        for name, v in self.state.items():
            self.course.state[name][:, at] = v
        self.course.settled[at], self.course.cycling[at] = self.monitor.settled_since, self.monitor.cycling_since
        self.course.stuck[at] = self.monitor.stuck
