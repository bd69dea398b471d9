"""Batches of trajectories by machine code: what a map has to be for it, and tiles over threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.util import find_spec
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Coordinates, Flatten, Program
from sam_theory.dynamics._inputs import Inputs
from sam_theory.dynamics._noise import Draws
from sam_theory.dynamics._outcome import DIVERGED_BEYOND, SETTLED_WITHIN, FloatArray, Outcome
from sam_theory.dynamics._over import Over
from sam_theory.dynamics._plan import Plan
from sam_theory.dynamics._tile import Tile
from sam_theory.dynamics._trajectory import Observer, Trajectory, outward, variables
from sam_theory.errors import InputError
from sam_theory.processes import cores

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.dynamics._vectors import Structure

#: Columns of a tile: few enough for the processor's second cache, enough to hide the interpreter.
TILE = 8192

#: Nodes of a program beyond which machine code takes seconds to write and to run by batches pays.
LARGEST = 3000

Noise = Callable[[int, int], Callable[[int, int], FloatArray]]
"""``noise(lo, hi)(first, count)``: the draws of trajectories lo … hi for these steps, (count, noises, hi − lo)."""


@dataclass(frozen=True)
class Outcomes:
    """What a run of n trajectories gives; arrays of shape (…, n), states with the coordinates of all state vectors."""

    final: FloatArray
    outcome: npt.NDArray[np.str_]
    step: npt.NDArray[np.int64]
    settled: npt.NDArray[np.int64]
    sums: dict[str, FloatArray]
    records: FloatArray | None


@dataclass(frozen=True)
class Flat:
    """A map, and what is observed along it, as flat programs."""

    step: Program
    observed: tuple[tuple[str, Program], ...]


def flat_step(map: Map, d: int) -> Program:
    """One step at dimension d as a program of scalars, as ``Map.flat`` is at a fixed one."""
    if map.loss.dimension is not None:
        return map.flat
    known: dict[int, Program] = map.__dict__.setdefault("_flat_steps", {})
    if d not in known:
        arithmetic = Flatten()
        state = {v: Coordinates(arithmetic.input(f"{v}:{i}") for i in range(d)) for v in map.state}
        names = (*map.parameters, *map.rule.noise, *(("k",) if map.rule.uses_step_number else ()))
        result = map.step(arithmetic, state, {n: arithmetic.input(n) for n in names})
        known[d] = arithmetic.finish({f"{v}:{i}": e for v in map.state for i, e in enumerate(result[v])})
    return known[d]


def missing() -> str | None:
    """Why there is no machine code at all here, or None."""
    if find_spec("llvmlite") is None:
        return "llvmlite is not installed; pip install 'sam-theory[fast]'"
    return None


def flat_or_reason(map: Map, d: int, over: Mapping[str, Over]) -> Flat | str:
    """The flat programs of a run, or why there are none."""
    reason = missing()
    if reason is not None:
        return reason
    if d * len(map.state) > LARGEST // 4:
        return f"a state of {d * len(map.state)} coordinates is too large for straight-line code"
    from sam_theory.kernels._cost import unsupported
    from sam_theory.kernels._flattened import flattened
    from sam_theory.kernels._simplify import simplified

    coordinates = {name: f"{map.state[0]}:{i}" for i, name in enumerate(variables(map, d))}
    vectors = {v: d for v in dict.fromkeys(("w", "w_start", *map.state))}
    try:
        step = flat_step(map, d)
        if len(step.nodes) > LARGEST:
            return (
                f"{map.rule.name} on {map.loss.name} has {len(step.nodes)} operations in one step, more than {LARGEST}"
            )
        observed = [
            (r.reduction, flattened({"value": r.expression}, vectors, coordinates, map.loss)) for r in over.values()
        ]
        for program in (step, *(p for _, p in observed)):
            reason = unsupported(program)
            if reason is not None:
                return reason
        return Flat(simplified(step), tuple((r, simplified(p)) for r, p in observed))
    except InputError as error:
        return str(error)


def run(
    map: Map,
    flat: Flat,
    inputs: Inputs,
    steps: int,
    *,
    over: Mapping[str, Over],
    every: int,
    whole: bool,
    settling: str | float,
    noise: Noise | None,
    threads: int | None,
) -> Outcomes:
    """All trajectories; their bits depend neither on ``threads`` nor on lanes and tiles."""
    d, n = inputs.state[map.state[0]].shape
    state = np.concatenate([inputs.state[v] for v in map.state])
    names = tuple(f"{v}:{i}" for v in map.state for i in range(d))
    needed = {name for program in (flat.step, *(p for _, p in flat.observed)) for name in program.inputs}
    values: dict[str, Any] = dict(inputs.parameters)
    values |= {f"w_start:{i}": row for i, row in enumerate(inputs.state[map.state[0]])}
    lanes = tuple(n for n in values if n in needed and np.ndim(values[n]))
    uniform = tuple(n for n in values if n in needed and not np.ndim(values[n]))
    width = _width(len(flat.step.nodes), n)
    autonomous = not (map.rule.noise or map.rule.uses_step_number)
    tolerance = None if isinstance(settling, str) or not autonomous else settling
    observed = len(flat.observed)
    layout = (names, d, lanes, uniform, tuple(map.rule.noise), observed, tolerance is not None)
    plan_kernel = kernel_of(flat, layout, width)
    windows = tuple((r.reduction, r.first(steps)) for r in over.values())
    plan = Plan(
        map,
        plan_kernel,
        inputs.parameters,
        np.array([*(values[name] for name in uniform), tolerance or 0.0]),
        steps,
        tolerance=tolerance,
        exact=settling == "exact" and autonomous,
        autonomous=autonomous,
        windows=windows,
        varies=any("t" in p.inputs for _, p in flat.observed),
        every=every,
        whole=whole,
    )
    rows = len(names) if whole else d
    records = np.empty((steps // every + 1, rows, n)) if every else None
    if records is not None:
        records[0] = state[:rows]
    columns = np.array([values[name] for name in lanes]).reshape(len(lanes), n)
    final, sums = np.empty_like(state), np.empty((len(over), n))
    outcome = np.empty(n, dtype="<U13")
    step, settled = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64)

    def work(bounds: tuple[int, int]) -> None:
        lo, hi = bounds
        draws = noise(lo, hi) if noise is not None else _silence
        with np.errstate(all="ignore"):
            part = Tile(plan, lo, hi, np.ascontiguousarray(state[:, lo:hi]), columns[:, lo:hi], records, draws)
            part.run()
        at, ended = slice(lo, hi), part.ended
        final[:, at], sums[:, at], outcome[at] = ended.final, ended.sums, ended.outcome
        step[at], settled[at] = ended.step, ended.settled

    workers = threads or cores()
    plan.halt.each(work, tiles(n, width, TILE, workers), workers)
    return Outcomes(final, outcome, step, settled, dict(zip(over, sums, strict=True)), records)


def _silence(first: int, count: int) -> FloatArray:
    raise AssertionError("the rule draws nothing")


def tiles(n: int, width: int, largest: int, workers: int) -> list[tuple[int, int]]:
    """Bounds of tiles of whole registers, alike in size; what fills no register is a tile of its own."""
    groups, rest = divmod(n, width)
    count = max(1, -(-groups * width // largest))
    if groups >= workers:
        count = -(-count // workers) * workers
    cuts = [width * (groups * i // count) for i in range(count + 1)]
    bounds = [(a, b) for a, b in pairwise(cuts) if b > a]
    return [*bounds, (n - rest, n)] if rest else bounds


@cache
def _wide() -> bool:
    import llvmlite.binding as llvm

    return bool(llvm.get_host_cpu_features().get("avx512f", False))


def _width(nodes: int, n: int) -> int:
    """Columns of a register; results do not depend on it."""
    most = (32 if nodes < 200 else 16) if _wide() else 16
    return min(most, 1 << (n - 1).bit_length())


@lru_cache(maxsize=128)  # about a megabyte each
def kernel_of(flat: Flat, layout: tuple[Any, ...], width: int, limit: float = DIVERGED_BEYOND) -> Any:
    """The loop of these programs, kept for later runs; ``limit`` is the norm beyond which a column diverged."""
    from sam_theory.kernels._layout import Layout
    from sam_theory.kernels._loop import kernel

    return kernel(flat.step, Layout(*layout), flat.observed, width, limit, SETTLED_WITHIN)


#: CPU nanoseconds: until LLVM is there; of a step of a batch besides its program; of that for each trajectory.
_LOADING, _BATCH, _COLUMN = 1e8, 1e5, 40.0


def _estimate(flat: Flat, step: Program, steps: int, n: int) -> bool:
    """Whether machine code is expected to be done first; the same wherever it is asked."""
    from sam_theory.kernels._cost import batch_cost, compile_time, cost

    programs = [flat.step, *(p for _, p in flat.observed)]
    making = _LOADING + sum(map(compile_time, programs))
    fast = making + steps * n * sum(map(cost, programs))
    batches = steps * (_BATCH + n * (_COLUMN + batch_cost(step, n) + sum(batch_cost(p, n) for p in programs[1:])))
    return fast < batches


#: Work (operations of a step on one trajectory, with the cost of starting each for a batch) that takes batches of
#: arrays about as long as machine code takes to be made.
_WORTH = 5e7
_START = 500

#: Coordinates of a state from which on they are looped over, where they have one formula.
_MANY = 32


@dataclass(frozen=True)
class Fast:
    """A run of :func:`simulate` by machine code."""

    map: Map
    inputs: Inputs
    steps: int
    observer: Observer
    every: int
    settling: str | float
    seed: int
    first: int
    threads: int | None

    @cached_property
    def flat(self) -> Flat | str:
        """The programs, or why there are none."""
        return flat_or_reason(self.map, len(self.observer.start), self.observer.over)

    @cached_property
    def vectors(self) -> Structure | str:
        """How kernels of vectors run the map, or why they do not."""
        from sam_theory.dynamics._structured import structured_or_reason

        return structured_or_reason(self.map, len(self.observer.start))

    @cached_property
    def looped(self) -> bool:
        """Whether coordinates are looped over instead of written out."""
        many = len(self.observer.start) * len(self.map.state) >= _MANY
        return (many or isinstance(self.flat, str)) and not isinstance(self.vectors, str)

    def unavailable(self) -> str:
        """Why there is no machine code for this run; empty if there is."""
        return "" if self.looped or not isinstance(self.flat, str) else self.flat

    def too_small(self) -> str:
        """Why batches of arrays are done before machine code is made; empty if they are not."""
        d, n = self.observer.start.shape
        if self.looped:
            assert not isinstance(self.vectors, str)
            work = self.steps * len(self.vectors.program.steps) * (d * n + _START)
        else:
            assert isinstance(self.flat, Flat)
            soon = _estimate(self.flat, flat_step(self.map, d), self.steps, n)
            return "" if soon else "too little work for machine code to be made"
        return "" if work > _WORTH else "too little work for machine code to be made"

    def trajectory(self, recorded: npt.NDArray[np.int64], reason: str) -> Trajectory:
        """Run, and evaluate what is observed at records."""
        map, observer, batch = self.map, self.observer, self.inputs.batch
        found = self._run(bool(self.every and observer.taken and len(map.state) > 1))
        d = len(observer.start)
        with np.errstate(all="ignore"):
            if found.records is None:
                observer.take(self.steps, self._vectors(found.final))
            elif observer.taken:
                for t, record in zip(recorded.tolist(), found.records, strict=True):
                    observer.take(t, self._vectors(record))
        for name, values in found.sums.items():
            observer.reduced[name].total = values
        final = {name: outward(v, batch) for name, v in self._vectors(found.final).items()}
        states = None
        if found.records is not None:
            states = found.records[:, :d].transpose(0, 2, 1).reshape(len(found.records), *batch, d)
        single = batch == ()
        return Trajectory(
            final=final[map.state[0]],
            states=states,
            recorded_steps=recorded,
            observables=observer.result(),
            outcome=Outcome(str(found.outcome[0])) if single else found.outcome.reshape(batch),
            step=int(found.step[0]) if single else found.step.reshape(batch),
            steps=self.steps,
            variables=variables(map, d),
            final_state=final,
            settled=int(found.settled[0]) if single else found.settled.reshape(batch),
            backend="fast",
            reason=reason,
        )

    def _run(self, whole: bool) -> Outcomes:
        if not self.looped:
            assert isinstance(self.flat, Flat)
            return run(
                self.map,
                self.flat,
                self.inputs,
                self.steps,
                over=self.observer.over,
                every=self.every,
                whole=whole,
                settling=self.settling,
                noise=self._noise if self.map.rule.noise else None,
                threads=self.threads,
            )
        from sam_theory.dynamics import _structured

        assert not isinstance(self.vectors, str)
        return _structured.run(
            self.map,
            self.vectors,
            self.inputs,
            self.steps,
            observer=self.observer,
            every=self.every,
            whole=whole,
            settling=self.settling,
            threads=self.threads,
        )

    def _vectors(self, state: FloatArray) -> dict[str, FloatArray]:
        d = len(self.observer.start)
        return {v: state[i * d : (i + 1) * d] for i, v in enumerate(self.map.state) if (i + 1) * d <= len(state)}

    def _noise(self, lo: int, hi: int) -> Callable[[int, int], FloatArray]:
        laws = self.map.rule.noise
        draws = Draws(laws, self.seed, hi - lo, self.first + lo)

        def block(first: int, count: int) -> FloatArray:
            steps = (draws.step(t) for t in range(first + 1, first + count + 1))
            return np.stack([np.stack([values[name] for name in laws]) for values in steps])

        return block
