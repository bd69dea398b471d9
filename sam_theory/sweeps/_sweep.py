"""A map over a grid of parameters and starts."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.errors import InputError
from sam_theory.sweeps._executors import execute
from sam_theory.sweeps._result import SweepResult
from sam_theory.sweeps._specification import Specification, specify
from sam_theory.sweeps._store import Damaged, Store
from sam_theory.sweeps._tiles import OUTCOMES, TileWork, compute_tile

if TYPE_CHECKING:
    from sam_theory.dynamics import Map

__all__ = ["Progress", "sweep"]


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: ``found`` of the ``done`` tiles were in the store already.

    ``trajectories`` are those of all tiles that are done, ``computed`` those that were computed now, in ``seconds``.
    """

    done: int
    total: int
    found: int
    trajectories: int
    computed: int
    seconds: float
    outcomes: dict[str, int]

    @property
    def rate(self) -> float:
        """Trajectories a second, of those that were computed now; 0 before the first tile."""
        return self.computed / self.seconds if self.computed else 0.0

    @property
    def remaining(self) -> float:
        """Seconds that the missing tiles will take, from those that were computed now; 0 before the first."""
        now = self.done - self.found
        return self.seconds / now * (self.total - self.done) if now else 0.0


def sweep(
    map: Map,
    over: Mapping[str, Any],
    starts: Any = None,
    steps: int = 1000,
    *,
    params: Mapping[str, Any] | None = None,
    observe: Mapping[str, Any] | None = None,
    final: bool = True,
    settling: str | float = "exact",
    backend: str = "auto",
    seed: int | None = None,
    tile: int | None = None,
    store: str | Path | None = None,
    scheduler: str = "local",
    progress: Callable[[Progress], None] | None = None,
    report: Callable[[str], None] | None = None,
) -> SweepResult:
    r"""Run a map from every point of a grid, in tiles, on several processes or machines.

    The result does not depend on the scheduler, the number of workers, or what was interrupted and resumed: its bits
    are a function of the specification alone.

    Parameters
    ----------
    map : Map
        A rule on a loss with values.
    over : dict
        Axes by name, in this order: parameters of the map, coordinates of the start, or ``"start"`` with a list of
        starts. Values as a list, or ``{"linspace": [low, high, n]}``, ``{"logspace": [low, high, n]}``; the ends are
        values themselves.
    starts : array (d,) or (n, d), or dict
        One start for all; or a list, which becomes the last axis, ``"start"``; or coordinates by name; or whole state
        vectors by name. Coordinates that are axes need none.
    steps : int
    params : dict
        The other parameters: one number each.
    observe : dict of SymPy expressions or Over
        What to keep beside outcomes: an expression at the last step, or ``Over("max", expression, last=100)``.
    final : bool
        Whether final states are kept.
    settling, backend
        As for :func:`~sam_theory.dynamics.simulate`; ``"auto"`` is decided once for the whole grid.
    seed : int
        Of a rule that draws; trajectory i of the grid has stream i.
    tile : int, optional
        Trajectories in a tile; by default from an estimate of the work.
    store : path, optional
        A directory in which tiles are kept, under a key of the specification: what is there is not computed again.
    scheduler : str
        As for :func:`~sam_theory.sweeps.execute`: ``"serial"``, ``"local"``, ``"local:4"``, or a Dask cluster.
    progress : callable, optional
        Called with a :class:`Progress` at the beginning and after each tile.
    report : callable, optional
        Called with a line for each damaged file that is computed again, and where machine code was asked for that
        there is not.

    Returns
    -------
    SweepResult

    Raises
    ------
    InputError
        For anything of this that cannot be, a disk that is full or too small, a store that is incomplete and
        cannot be written to.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import sam
    >>> result = sweep(Map(sam, Quadratic(1)), {"eta": [0.5, 1, 3], "rho": [0.1]}, [1.0], 400, scheduler="serial")
    >>> result.summary
    {'running': 0, 'converged': 0, 'period-2': 2, 'diverged': 1, 'zero-gradient': 0}
    """
    specification = specify(
        map,
        over,
        starts,
        steps,
        params=params or {},
        observe=observe or {},
        settling=settling,
        backend=backend,
        seed=seed,
        tile=tile,
        keep_final=final,
    )
    if backend == "fast" and specification.backend != "fast" and report is not None:
        report(f"NumPy computes, not machine code: {specification.reason}")
    execute(abs, (), scheduler).close()  # an unknown scheduler is refused before anything is made
    if store is not None:
        kept = _run(specification, Path(store), scheduler, progress, report)
        return SweepResult.of_store(specification, kept)
    with tempfile.TemporaryDirectory(prefix="sam-theory-sweep-") as directory:
        kept = _run(specification, Path(directory), scheduler, progress, report)
        return SweepResult.of_store(specification, kept).in_memory()


def _run(
    specification: Specification,
    root: Path,
    scheduler: str,
    progress: Callable[[Progress], None] | None,
    report: Callable[[str], None] | None,
) -> Store:
    """Compute what the store lacks."""
    store = Store(root, specification.key)
    writable = store.prepare(specification.text)
    missing, counts = _missing(specification, store, report)
    if missing and not writable:
        raise InputError(
            f"the store {root} cannot be written to and lacks {len(missing)} of {specification.tiles} tiles; "
            "change its permissions, or give another one"
        )
    _check_room(specification, store, len(missing))
    found = specification.tiles - len(missing)
    began, computed = time.perf_counter(), 0

    def tell(done: int) -> None:
        if progress is not None:
            seconds = time.perf_counter() - began
            outcomes = {name: int(n) for name, n in zip(OUTCOMES, counts, strict=True)}
            progress(Progress(done, specification.tiles, found, int(counts.sum()), computed, seconds, outcomes))

    tell(found)
    if not missing:
        return store
    # Processes take the cores among them; alone, a tile may use them all.
    work = TileWork(specification, root.absolute(), None if scheduler == "serial" else 1)
    running = execute(partial(compute_tile, work), missing, scheduler, store.directory)
    try:
        for place, (_, summary) in enumerate(running):
            counts += summary.outcomes
            computed += sum(summary.outcomes)
            tell(found + place + 1)
    except BaseException:
        running.close()
        tell(len(store.present()))  # workers may have finished tiles that they had no time to report
        raise
    return store


def _check_room(specification: Specification, store: Store, missing: int) -> None:
    """Refuse a sweep whose tiles cannot all be written before hours go into it."""
    needed = min(missing * specification.tile, specification.size) * specification.bytes_each
    try:
        free = shutil.disk_usage(store.directory).free
    except OSError:
        return
    if needed > free:
        raise InputError(
            f"the tiles will take {needed / 2**30:,.1f} GiB, {store.root} has {free / 2**30:,.1f} GiB left; take fewer "
            "values, keep less (final = false), or give another store"
        )


def _missing(
    specification: Specification, store: Store, report: Callable[[str], None] | None
) -> tuple[list[int], np.ndarray[Any, np.dtype[np.int64]]]:
    """Numbers of the tiles that the store lacks, and outcomes of those that it has."""
    missing, counts = [], np.zeros(len(OUTCOMES), dtype=np.int64)
    present = store.present()
    for number in range(specification.tiles):
        try:
            found = store.read(number) if number in present else None
        except Damaged as damage:
            found = None
            if report is not None:
                report(f"{store.path(number)} is damaged ({damage}); it is computed again")
        if found is None:
            missing.append(number)
        else:
            counts += found[0]["outcomes"]
    return missing, counts
