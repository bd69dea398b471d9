"""One long trajectory: plain Python that is generated for its map, or machine code where that pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._fast import missing
from sam_theory.dynamics._generate import Advance, State, compiled
from sam_theory.dynamics._inputs import count, prepare
from sam_theory.dynamics._outcome import FloatArray, Outcome, has_diverged, label, settled
from sam_theory.dynamics._simulate import simulate
from sam_theory.dynamics._trajectory import Trajectory, outward, variables
from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map

_CHUNK = 4096
_LARGEST = 64
"""Above this dimension the batch arithmetic is used: straight-line code no longer pays."""


_BACKENDS = ("auto", "python", "fast")
_WORTH = 5e6
"""Operations that take generated Python about as long as machine code takes to be made."""


def orbit(
    map: Map,
    start: Any,
    steps: int,
    params: Mapping[str, Any] | None = None,
    record_every: int = 0,
    backend: str = "auto",
) -> Trajectory:
    r"""One trajectory of a deterministic rule, for long runs.

    The same labels and the same result object as :func:`simulate`; single steps agree to rounding, not bit
    for bit, because Python's and NumPy's elementary functions differ in the last place.  Chaotic orbits
    therefore separate after some tens of steps.

    Parameters
    ----------
    map : Map
        A rule without noise on a loss with values.
    start : array (d,) or dict of such arrays
    steps : int
    params : dict of numbers
        Values of ``map.parameters``.
    record_every : int
        Record the iterates at every k-th step from 0; 0 records none.
    backend : "auto", "python" or "fast"
        Generated Python; machine code, as for :func:`simulate`; or the latter for runs so long that making it pays.

    Returns
    -------
    Trajectory
        With batch shape ``()``.

    Raises
    ------
    InputError
        As for :func:`simulate`; also for a batch of starts or parameters, and for rules with noise.

    Examples
    --------
    >>> from sam_theory.dynamics import Map, orbit
    >>> from sam_theory.losses import Product, log_cosh
    >>> from sam_theory.rules import sam
    >>> run = orbit(Map(sam, Product(log_cosh)), [1.0, 2.0], 100_000, {"eta": 0.1, "rho": 0.1})
    >>> str(run.outcome), run.step
    ('converged', 20282)
    """
    steps = count(steps, "steps", 0)
    every = count(record_every, "record_every", 0)
    if map.rule.noise:
        raise InputError(f"{map.rule.name} draws random numbers; use simulate(..., rng=0) instead of orbit")
    inputs = prepare(map, start, params or {})
    if inputs.batch != ():
        raise InputError(f"orbit follows one trajectory, not a batch of shape {inputs.batch}; use simulate")
    if backend not in _BACKENDS:
        raise InputError(f"backend is {backend!r}; {nearest(str(backend), _BACKENDS)}")
    work = steps * len(map.flat.nodes) if backend == "auto" and map.loss.dimension is not None else 0
    if (backend == "fast" or work > _WORTH) and missing() is None:
        return simulate(map, start, params=params, steps=steps, record=every or "final", backend="fast", threads=1)
    if len(inputs.state[map.state[0]]) > _LARGEST or map.loss.dimension is None:
        return simulate(map, start, params=params, steps=steps, record=every or "final")
    with np.errstate(all="ignore"):
        return _Run(map, inputs.state, inputs.parameters, steps, every).trajectory()


class _Run:
    def __init__(
        self, map: Map, state: dict[str, FloatArray], parameters: dict[str, float], steps: int, every: int
    ) -> None:
        self.map, self.parameters, self.steps, self.every = map, parameters, steps, every
        self.d = len(state[map.state[0]])
        self.values = tuple(parameters.values())
        self.fast, self.recording = compiled(map.flat, map.state, tuple(parameters), self.d)
        self.start: State = tuple(float(a) for v in map.state for a in state[v][:, 0])
        self.start_norm = float(Float64().norm(state[map.state[0]])[0])

    def _vectors(self, state: State) -> dict[str, FloatArray]:
        columns = np.array(state).reshape(len(self.map.state), self.d, 1)
        return dict(zip(self.map.state, columns, strict=True))

    def _careful(self, state: State, t: int) -> State:
        """Step ``t`` → ``t + 1`` in the batch arithmetic, where plain Python raised or neared the limit."""
        new = self.map.step(Float64(), self._vectors(state), {**self.parameters, "k": float(t)})
        return tuple(float(a) for v in self.map.state for a in np.broadcast_to(new[v], (self.d, 1))[:, 0])

    def advance(self, state: State, t: int, to: int, out: list[State] | None = None) -> tuple[int, State, bool]:
        """From step ``t`` to step ``to``; the last entry tells whether the orbit diverged on the way."""
        function: Advance = self.fast if out is None else self.recording
        sink: list[State] = [] if out is None else out
        while True:
            t, state = function(state, self.values, t, to - t, sink)
            if t >= to:
                return t, state, False
            new = self._careful(state, t)
            t += 1
            finite = bool(np.isfinite(new).all())
            state = new if finite else state
            sink.append(state)
            if not finite or has_diverged(self._vectors(state), self.map.state[0]).any():
                return t, state, True

    def trajectory(self) -> Trajectory:
        """Run, label and record."""
        state, t = self.start, 0
        chunks = [(0, state)]
        records: list[State] = [state]
        diverged = bool(has_diverged(self._vectors(state), self.map.state[0]).any())
        horizon = self.steps
        autonomous = not self.map.rule.uses_step_number
        while t < horizon and not diverged:
            out: list[State] | None = [] if self.every else None
            before = t
            t, state, diverged = self.advance(state, t, min(t + _CHUNK, horizon), out)
            records += [s for i, s in enumerate(out or [], before + 1) if i % self.every == 0]
            if autonomous and horizon == self.steps and not diverged and self._repeats(state, t):
                # Exactly periodic from here on: a few more steps of the right parity stand for the rest.
                horizon = min(self.steps, t + 2 + (self.steps - t) % 2)
            chunks.append((t, state))
        if len(chunks) > 2 and chunks[-1][0] - chunks[-2][0] < 2:
            del chunks[-2]  # the last stretch has to hold two steps
        if diverged:
            outcome, step = Outcome.DIVERGED, t
        else:
            outcome, step = self._label(chunks, horizon)
            step = self.steps if outcome is Outcome.RUNNING else step
        return self._result(state, self._fill(records, state, horizon, diverged), outcome, step)

    def _repeats(self, state: State, t: int) -> bool:
        out: list[State] = []
        _, _, diverged = self.advance(state, t, t + 2, out)
        return not diverged and state in out

    def _fill(self, records: list[State], state: State, horizon: int, diverged: bool) -> list[State]:
        """Records after the horizon, where the orbit is held or repeats."""
        if not self.every:
            return []
        other = state if diverged else self.advance(state, horizon, horizon + 1)[1]
        done = (len(records) - 1) * self.every
        for t in range(done + self.every, self.steps + 1, self.every):
            records.append(state if (t - self.steps) % 2 == 0 else other)
        return records

    def _label(self, chunks: list[tuple[int, State]], end: int) -> tuple[Outcome, int]:
        """Go back from the end, chunk by chunk, to the first step from which the final label held."""
        settled_since, cycling_since, stuck = 0, 0, False
        kind = ""
        for (a, state), (b, _) in zip(chunks[-2::-1], chunks[:0:-1], strict=True):
            out = [state]
            self.advance(state, a, min(b + 1, end), out)
            whole = np.array(out)
            w = np.ascontiguousarray(whole[:, : self.d].T)
            once = np.concatenate([[False], settled(w[:, 1:] - w[:, :-1], self.start_norm, w[:, 1:])])
            twice = np.zeros_like(once)
            twice[2:] = settled(w[:, 2:] - w[:, :-2], self.start_norm, w[:, 2:]) & ~once[2:]
            first = 2
            if not kind:
                kind = "settled" if once[-1] else "cycling" if twice[-1] else "running"
            if kind == "running":
                break
            holds = once if kind == "settled" else twice
            if kind == "settled":
                first = 1
            broken = np.flatnonzero(~holds[first:])
            since = a + first + (int(broken[-1]) + 1 if len(broken) else 0)
            if kind == "settled":
                settled_since = since
                stuck = bool((whole[since - 1 - a] == chunks[-1][1]).all())
            else:
                cycling_since = since
            if len(broken):
                break
        stuck = stuck and self._zero_gradient(chunks[-1][1])
        name, step = label(np.int64(settled_since), np.int64(cycling_since), np.bool_(stuck), end, len(self.map.state))
        return Outcome(str(name)), int(step)

    def _zero_gradient(self, state: State) -> bool:
        w = self._vectors(state)[self.map.state[0]]
        return bool((np.asarray(self.map.loss.gradient(Float64(), w, self.parameters)) == 0).all())

    def _result(self, state: State, records: list[State], outcome: Outcome, step: int) -> Trajectory:
        final = {n: outward(v, ()) for n, v in self._vectors(state).items()}
        iterate = self.map.state[0]
        return Trajectory(
            final=final[iterate],
            states=np.array(records)[:, : self.d] if self.every else None,
            recorded_steps=np.arange(0, self.steps + 1, self.every) if self.every else np.array([self.steps]),
            observables={},
            outcome=outcome,
            step=step,
            steps=self.steps,
            variables=variables(self.map, self.d),
            final_state=final,
            backend="python",
        )
