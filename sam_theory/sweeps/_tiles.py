"""The work on one tile: simulate its trajectories, write its file, say what came out."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.dynamics import Outcome, simulate
from sam_theory.errors import InputError
from sam_theory.sweeps._store import Arrays, Store

if TYPE_CHECKING:
    from sam_theory.sweeps._specification import Specification

__all__ = ["OUTCOMES", "TileSummary", "TileWork", "compute_tile"]

OUTCOMES = tuple(str(outcome) for outcome in Outcome)
"""Names of the outcomes by their code."""


@dataclass(frozen=True)
class TileSummary:
    """What a worker says of a tile that it has written: trajectories by code of outcome, seconds, bytes of the file."""

    tile: int
    outcomes: tuple[int, ...]
    seconds: float
    bytes: int


@dataclass(frozen=True, eq=False)
class TileWork:
    """The specification of a sweep, its store, and how many threads a tile may use: what every task shares."""

    specification: Specification
    root: Path
    threads: int | None

    @property
    def store(self) -> Store:
        """Where tiles are written."""
        return Store(self.root, self.specification.key)

    def __reduce__(self) -> Any:
        sent = _pickled(self.specification)
        return _received, (self.specification.key, _Sent(sent), str(self.root), self.threads)


class _Sent(bytes):
    """A pickled specification, told from others by the key that goes with it."""

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sent)


@lru_cache(maxsize=4)
def _received(key: str, sent: _Sent, root: str, threads: int | None) -> TileWork:
    specification: Specification = pickle.loads(sent)
    if specification.key != key:
        raise InputError(
            "the sweep that arrived in a worker is another one than was sent; see that both have the same versions of "
            "sam_theory, SymPy and NumPy, and the same rules"
        )
    return TileWork(specification, Path(root), threads)


def _pickled(specification: Specification) -> bytes:
    """What another process can read: functions of this script go by value, those of modules by name."""
    sent = b""
    problem: Exception | None = None
    try:
        sent = pickle.dumps(specification)
    except Exception as error:
        problem = error
    if sent and b"__main__" not in sent:
        return sent
    try:
        return bytes(import_module("cloudpickle").dumps(specification))  # Dask brings it
    except ImportError:
        pass
    except Exception as error:
        problem = error
    if sent:
        return sent
    raise InputError(
        f"{specification.map.rule.name} on {specification.map.loss.name} cannot be sent to other processes "
        f"({problem}); define the rule in a module that they can import, install cloudpickle, or choose the "
        "scheduler 'serial'"
    )


def compute_tile(work: TileWork, number: int) -> TileSummary:
    """Simulate the trajectories of a tile and write them into the store.

    Parameters
    ----------
    work : TileWork
    number : int
        From 0.

    Returns
    -------
    TileSummary

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    began = time.perf_counter()
    arrays = _simulated(work, number)
    counts = tuple(int(n) for n in np.bincount(arrays["outcome"], minlength=len(OUTCOMES)))
    first, count = work.specification.bounds(number)
    size = work.store.write(number, {"first": first, "count": count, "outcomes": list(counts)}, arrays)
    return TileSummary(number, counts, time.perf_counter() - began, size)


def _simulated(work: TileWork, number: int) -> Arrays:
    specification = work.specification
    first, count = specification.bounds(number)
    start, parameters = specification.inputs(number)
    run = simulate(
        specification.map,
        start,
        params=parameters,
        steps=specification.steps,
        observables=specification.observe,
        rng=specification.seed,
        backend=specification.backend,
        settling=specification.settling,
        threads=work.threads,
        first=first,
    )
    if run.backend != specification.backend:  # its bits would be others than the key says
        raise InputError(
            f"backend {specification.backend!r} is not there in a worker ({run.reason}); install the same extras "
            "everywhere, or choose backend 'numpy'"
        )
    names = np.asarray(run.outcome)
    code = np.zeros(count, dtype=np.int8)
    for place, name in enumerate(OUTCOMES):
        code[names == name] = place
    arrays: Arrays = {
        "outcome": code,
        "step": np.broadcast_to(run.step, count).astype(np.int32),
        "settled": np.broadcast_to(run.settled, count).astype(np.int32),
    }
    if specification.keep_final:
        for name, state in run.final_state.items():
            arrays["final" if name == specification.map.state[0] else f"final_{name}"] = state
    for name in specification.observe:
        values = np.asarray(run.observables[name], dtype=float)
        arrays[name] = values.reshape(-1, count)[-1]  # the last record where several were taken
    return arrays
