"""Batches of trajectories in float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._fast import Fast
from sam_theory.dynamics._inputs import Inputs, check_settling, count, prepare
from sam_theory.dynamics._noise import Draws, seed_of
from sam_theory.dynamics._outcome import FloatArray, Monitor, Outcome, has_diverged, label
from sam_theory.dynamics._trajectory import Observable, Observer, Trajectory, outward, variables
from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map

BACKENDS = ("numpy", "fast", "auto")


def simulate(
    map: Map,
    start: Any,
    *,
    params: Mapping[str, Any] | None = None,
    steps: int,
    record: str | int = "final",
    observables: Mapping[str, Observable] | None = None,
    rng: int | np.random.Generator | None = None,
    backend: str = "numpy",
    settling: str | float = "exact",
    threads: int | None = None,
    first: int = 0,
    **parameters: Any,
) -> Trajectory:
    r"""Iterate :math:`w_{t+1}=F(w_t)` for a batch of starts and parameters.

    Every trajectory is computed as if it were alone: its bits depend neither on the batch around it nor on
    the order of the batch.  A trajectory that diverged, or stands still under a rule without schedule and
    noise, is held while the others go on.

    Parameters
    ----------
    map : Map
        A rule on a loss with values (no opaque link, no class of functions).
    start : array (..., d), or dict of such arrays
        The iterate; a dict gives further state vectors, which default to 0.
    params, **parameters : float or array (...)
        Values of ``map.parameters``, finite; η > 0, ρ ≥ 0, ε ≥ 0.  They broadcast with the batch of starts.
    steps : int
        Number of steps, at least 0.
    record : "final", "all" or int
        Which steps to record: the last one, all from 0, or every k-th from 0.
    observables : dict of SymPy expressions, functions or Over
        Expressions of the vectors ``w``, ``w_start`` (and further state vectors), the coordinates, the
        parameters and ``t``; or functions ``f(state, env)`` of arrays (\*batch, d), (\*batch); or such an
        expression reduced over time, :class:`Over`.
    rng : int or numpy.random.Generator
        Seed of the noise; needed if the rule draws any.
    backend : "numpy", "fast" or "auto"
        What computes: the reference; machine code that agrees with it to 1e-12 relative in each step, where there
        is any (``Trajectory.reason`` says why not); or the one that is expected to be done first.
    settling : "exact", "off" or a tolerance
        When a trajectory without schedule and noise is stopped: when its whole state recurs bitwise after at most
        two steps, the rest being what it would have been; never; or when
        |w_t − w_(t−2)| ≤ tolerance·max(|w_0|, |w_t|) has held in three steps one after the other, the last two states
        standing in turn for the rest.
    threads : int, optional
        Threads of the backend "fast"; all cores by default.  No result depends on it.
    first : int
        Number of the first trajectory of the batch: noise is drawn as for the trajectories from there on.

    Returns
    -------
    Trajectory

    Raises
    ------
    InputError
        For a value that is not finite or outside its domain, a wrong dimension, unknown or missing names,
        shapes that do not broadcast, noise without ``rng``, or a loss without values.

    Examples
    --------
    >>> from sam_theory.dynamics import Map, simulate
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import sam
    >>> run = simulate(Map(sam, Quadratic(1)), [1.0], steps=400, eta=0.5, rho=0.3)
    >>> run.final.round(12), str(run.outcome)
    (array([0.1]), 'period-2')
    """
    given = dict(params or {})
    for name, value in parameters.items():
        if name in given:
            raise InputError(f"'{name}' is given twice, in params and as a keyword; give it once")
        given[name] = value
    steps = count(steps, "steps", 0)
    inputs = prepare(map, start, given)
    recorded = recorded_steps(record, steps)
    settling = check_settling(settling)
    first = count(first, "first", 0)
    threads = None if threads is None else count(threads, "threads", 1)
    if backend not in BACKENDS:
        raise InputError(f"backend is {backend!r}; {nearest(str(backend), BACKENDS)}")
    seed = seed_of(map.rule.noise, rng)
    start_vectors = inputs.state[map.state[0]]
    observer = Observer(map, observables or {}, start_vectors, inputs.parameters, inputs.batch, steps)
    every = 0 if record == "final" else 1 if record == "all" else int(record)
    reason = "asked for"
    if backend != "numpy":
        run = Fast(map, inputs, steps, observer, every, settling, seed, first, threads)
        reason = run.unavailable() or (run.too_small() if backend == "auto" else "")
        if not reason:
            return run.trajectory(recorded, "asked for" if backend == "fast" else "expected to be done first")
    draws = Draws(map.rule.noise, seed, start_vectors.shape[1], first)
    with np.errstate(all="ignore"):
        return _Batch(map, inputs, steps, settling, reason).run(draws, observer, recorded, record != "final")


def recorded_steps(record: str | int, steps: int) -> npt.NDArray[np.int64]:
    """The steps that ``record`` names."""
    if record == "final":
        return np.array([steps])
    if isinstance(record, str) and record != "all":
        raise InputError(f"record is {record!r}; choose 'final', 'all' or an integer k for every k-th step")
    return np.arange(0, steps + 1, 1 if record == "all" else count(record, "record", 1))


class _Batch:
    """The state of all trajectories, and of those still moving in ``active``."""

    def __init__(self, map: Map, inputs: Inputs, steps: int, settling: str | float, reason: str) -> None:
        self.map = map
        self.reason = reason
        self.inputs = inputs
        self.steps = steps
        self.arithmetic = Float64()
        self.iterate = map.state[0]
        self.autonomous = not (map.rule.noise or map.rule.uses_step_number)
        self.all = {name: v.copy() for name, v in inputs.state.items()}
        n = self.all[self.iterate].shape[1]
        self.outcome = np.full(n, str(Outcome.RUNNING), dtype="<U13")
        self.step = np.full(n, steps, dtype=np.int64)
        self.settled = np.full(n, -1, dtype=np.int64)
        self.settling = settling if self.autonomous else "off"
        self.active = np.arange(n)
        self.state = dict(inputs.state)
        self.parameters = dict(inputs.parameters)
        self.monitor = Monitor(inputs.state[self.iterate])
        self.before: dict[str, FloatArray] | None = None
        self.near = np.zeros(n, dtype=np.int64)
        self.start = dict(inputs.state)

    def run(self, draws: Draws, observer: Observer, recorded: npt.NDArray[np.int64], keep: bool) -> Trajectory:
        wanted = set(recorded.tolist())
        states: list[FloatArray] = []

        def take(t: int) -> None:
            if t in wanted:
                for name, v in self.state.items():
                    self.all[name][:, self.active] = v
                if keep:
                    states.append(outward(self.all[self.iterate], self.inputs.batch))
                observer.take(t, self.all)
            if t >= observer.begin:
                for name, v in self.state.items():
                    self.all[name][:, self.active] = v
                observer.reduce(t, self.all)

        self._hold(has_diverged(self.state, self.iterate), np.zeros(len(self.active), dtype=bool), 0, draws)
        take(0)
        for t in range(1, self.steps + 1):
            if len(self.active):
                self._advance(t, draws)
            elif not keep and not observer.order:
                break
            take(t)
        self._finish(np.ones(len(self.active), dtype=bool))
        return self._trajectory(states if keep else None, recorded, observer)

    def _advance(self, t: int, draws: Draws) -> None:
        env = {**self.parameters, **draws.step(t), "k": float(t - 1)}
        new = self.map.step(self.arithmetic, self.state, env)
        shape = self.state[self.iterate].shape
        new = {name: v if v.shape == shape else np.broadcast_to(v, shape) for name, v in new.items()}
        diverged = has_diverged(new, self.iterate)
        if diverged.any():
            lost = ~np.all([np.isfinite(v).all(axis=0) for v in new.values()], axis=0)
            new = {name: np.where(lost, self.state[name], v) for name, v in new.items()}
        same = np.all([(v == self.state[name]).all(axis=0) for name, v in new.items()], axis=0) & ~diverged
        stuck = same.copy()
        if same.any():
            stuck[same] = self._zero_gradient(same)
        new, still = self._recur(t, new, same, diverged)
        self.monitor.update(t, self.state[self.iterate], new[self.iterate], stuck)
        self.before, self.state = self.state, new
        self._hold(diverged, still, t, draws)

    def _recur(self, t: int, new: dict[str, FloatArray], same: Any, diverged: Any) -> tuple[dict[str, FloatArray], Any]:
        """The next state, where a trajectory has settled the last but one; and which of them stand still."""
        if self.settling == "off":
            return new, np.zeros(len(self.active), dtype=bool)
        known = self.settled[self.active] >= 0
        if known.any() and self.before is not None:
            new = {name: np.where(known, self.before[name], v) for name, v in new.items()}
            same = np.all([(v == self.state[name]).all(axis=0) for name, v in new.items()], axis=0)
        stops = self._repeats(new, same) if self.settling == "exact" else self._alternates(new)
        fresh = stops & ~known & ~diverged
        if fresh.any():
            self.settled[self.active[fresh]] = t
        still = (known | fresh) & same & ~diverged
        if still.any():
            still[still] = _alike(new, self.state, still)
        return new, still

    def _repeats(self, new: dict[str, FloatArray], same: Any) -> Any:
        """Which columns have the bits of one of the last two states; few have their first number."""
        result = same.copy()
        if result.any():
            result[result] = _alike(new, self.state, result)
        if self.before is not None:
            twice = np.equal(new[self.iterate][0], self.before[self.iterate][0]) & ~result
            if twice.any():
                result[twice] = _alike(new, self.before, twice)
        return result

    def _alternates(self, new: dict[str, FloatArray]) -> Any:
        """Which columns have been back where they were two steps ago for three steps, within the tolerance."""
        close = np.full(len(self.active), self.before is not None)
        if self.before is not None:
            norm = Float64().norm
            for name, v in new.items():
                size = np.maximum(norm(self.start[name][:, self.active]), norm(v))
                close &= norm(v - self.before[name]) <= float(self.settling) * size
        self.near = np.where(close, self.near + 1, 0)
        return self.near >= 3

    def _zero_gradient(self, at: npt.NDArray[np.bool_]) -> Any:
        env = {n: v if np.ndim(v) == 0 else v[at] for n, v in self.parameters.items()}
        gradient = self.map.loss.gradient(self.arithmetic, self.state[self.iterate][:, at], env)
        return (np.asarray(gradient) == 0).all(axis=0)

    def _finish(self, columns: npt.NDArray[np.bool_]) -> None:
        """Store state and label of active ``columns``; the label holds from here to the last step."""
        at = self.active[columns]
        for name, v in self.state.items():
            self.all[name][:, at] = v[:, columns]
        m = self.monitor
        names, since = label(
            m.settled_since[columns],
            m.cycling_since[columns],
            m.stuck[columns],
            self.steps,
            len(self.map.state),
        )
        self.outcome[at], self.step[at] = names, since

    def _hold(self, diverged: Any, still: npt.NDArray[np.bool_], t: int, draws: Draws) -> None:
        stop = diverged | still
        if not stop.any():
            return
        self._finish(stop)
        lost = self.active[diverged]
        self.outcome[lost], self.step[lost] = str(Outcome.DIVERGED), t
        go = ~stop
        self.active = self.active[go]
        self.state = {name: np.ascontiguousarray(v[:, go]) for name, v in self.state.items()}
        self.parameters = {n: v if np.ndim(v) == 0 else v[go] for n, v in self.parameters.items()}
        self.monitor.keep(go)
        self.near = self.near[go]
        if self.before is not None:
            self.before = {name: v[:, go] for name, v in self.before.items()}
        draws.keep(go)

    def _trajectory(
        self, states: list[FloatArray] | None, recorded: npt.NDArray[np.int64], observer: Observer
    ) -> Trajectory:
        batch = self.inputs.batch
        final = {name: outward(v, batch) for name, v in self.all.items()}
        single = batch == ()
        return Trajectory(
            final=final[self.iterate],
            states=None if states is None else np.stack(states),
            recorded_steps=recorded,
            observables=observer.result(),
            outcome=Outcome(str(self.outcome[0])) if single else self.outcome.reshape(batch),
            step=int(self.step[0]) if single else self.step.reshape(batch),
            steps=self.steps,
            variables=variables(self.map, len(self.all[self.iterate])),
            final_state=final,
            settled=int(self.settled[0]) if single else self.settled.reshape(batch),
            reason=self.reason,
        )


def _alike(a: dict[str, FloatArray], b: dict[str, FloatArray], at: Any) -> Any:
    """Which of the columns ``at`` have the same bits."""
    pairs = [(np.ascontiguousarray(v[:, at]), np.ascontiguousarray(b[name][:, at])) for name, v in a.items()]
    return np.all([(p.view(np.int64) == q.view(np.int64)).all(axis=0) for p, q in pairs], axis=0)
