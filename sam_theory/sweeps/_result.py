"""What a sweep returns: arrays with named axes, as a table of outcomes, a data set, a file or a picture."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.errors import InputError, nearest
from sam_theory.sweeps._store import Arrays, Damaged, Store
from sam_theory.sweeps._tiles import OUTCOMES

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes

    from sam_theory.sweeps._specification import Specification

__all__ = ["SweepResult"]


class SweepResult:
    """The result of a sweep: made by :func:`~sam_theory.sweeps.sweep`, or read by :meth:`load`.

    Examples
    --------
    >>> from sam_theory.dynamics import Map
    >>> from sam_theory.losses import Quadratic
    >>> from sam_theory.rules import sam
    >>> from sam_theory.sweeps import sweep
    >>> result = sweep(Map(sam, Quadratic(1)), {"eta": [0.5, 1, 3], "rho": [0.1]}, [1.0], 400, scheduler="serial")
    >>> result.outcome_names.tolist()
    [['period-2'], ['period-2'], ['diverged']]
    """

    def __init__(self, text: str, key: str, store: Store | None, arrays: Arrays | None) -> None:
        self.text = text
        self.key = key
        self._document: dict[str, Any] = json.loads(text)
        self._store = store
        self._arrays = arrays

    @classmethod
    def of_store(cls, specification: Specification, store: Store) -> SweepResult:
        """The result whose tiles are all in a store."""
        return cls(specification.text, specification.key, store, None)

    @classmethod
    def open(cls, directory: str | Path) -> SweepResult:
        """The result in ``STORE/key``, without the map; raises InputError if its specification cannot be read."""
        place = Path(directory)
        file = place / "spec.json"
        try:
            text = file.read_bytes()
        except OSError as error:
            raise InputError(
                f"{file} cannot be read: {error.strerror or error}; give the directory STORE/key"
            ) from None
        if hashlib.sha256(text).hexdigest() != place.resolve().name:
            raise InputError(f"{file} is not the specification of its key; run the sweep again, which repairs it")
        return cls(text.decode(), place.resolve().name, Store(place.resolve().parent, place.resolve().name), None)

    # -- what there is -----------------------------------------------------------------------------------
    @property
    def specification(self) -> dict[str, Any]:
        """What was computed, as plain data; floats are hexadecimal texts."""
        return dict(self._document)

    @property
    def axes(self) -> dict[str, npt.NDArray[np.float64]]:
        """Names and values of the axes, in order; for ``"start"`` the starts, shape (n, d)."""
        return {a["name"]: _floats(a["values"]) for a in self._document["axes"]}

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return tuple(len(a["values"]) for a in self._document["axes"])

    @property
    def arrays(self) -> Arrays:
        r"""All quantities by name, shape (\*shape) or, for final states, (\*shape, d).

        ``outcome`` holds codes, places in ``OUTCOMES``; ``step`` the step from which it held; ``settled`` the step at
        which a trajectory was stopped early, or -1. Raises InputError where they do not fit into memory: see
        :meth:`tiles`.
        """
        if self._arrays is None:
            self._arrays = self._assembled()
        return self._arrays

    @property
    def outcome_names(self) -> npt.NDArray[np.str_]:
        """The outcomes by name."""
        return np.array(OUTCOMES)[self.arrays["outcome"]]

    @property
    def summary(self) -> dict[str, int]:
        """How many trajectories had each outcome."""
        counts = np.zeros(len(OUTCOMES), dtype=np.int64)
        if self._arrays is not None or self._store is None:
            counts += np.bincount(self.arrays["outcome"].ravel(), minlength=len(OUTCOMES))
        else:
            for _, arrays in self.tiles():
                counts += np.bincount(arrays["outcome"], minlength=len(OUTCOMES))
        return {name: int(n) for name, n in zip(OUTCOMES, counts, strict=True)}

    def tiles(self) -> Iterator[tuple[int, Arrays]]:
        """The result in pieces: the number of the first trajectory (the last axis is the fastest), and arrays (n, ...).

        For grids that do not fit into memory.
        """
        if self._store is None:
            shape = self.shape
            yield 0, {name: v.reshape(-1, *v.shape[len(shape) :]) for name, v in self.arrays.items()}
            return
        size, tile = math.prod(self.shape), self._document["tile"]
        for number in range(-(-size // tile)):
            yield number * tile, self._tile(number)

    def _tile(self, number: int) -> Arrays:
        assert self._store is not None
        problem = "is not there any more"
        try:
            found = self._store.read(number)
        except Damaged as damage:
            found, problem = None, f"is damaged ({damage})"
        if found is None:
            raise InputError(f"{self._store.path(number)} {problem}; run the sweep again, which computes it anew")
        return found[1]

    def in_memory(self) -> SweepResult:
        """The same result, independent of its store."""
        return SweepResult(self.text, self.key, None, self.arrays)

    def _assembled(self) -> Arrays:
        whole: Arrays = {}
        size = math.prod(self.shape)
        for first, arrays in self.tiles():
            if not whole:
                bytes_each = sum(v.nbytes // len(v) for v in arrays.values())
                _check_memory(bytes_each * size)
                whole = {name: np.empty((size, *v.shape[1:]), dtype=v.dtype) for name, v in arrays.items()}
            for name, v in arrays.items():
                whole[name][first : first + len(v)] = v
        return {name: v.reshape(*self.shape, *v.shape[1:]) for name, v in whole.items()}

    # -- as a data set -----------------------------------------------------------------------------------
    @property
    def dataset(self) -> xarray.Dataset:
        """All of it as an ``xarray.Dataset`` with the axes as dimensions; raises InputError without xarray."""
        from sam_theory.sweeps._dataset import dataset_of

        return dataset_of(self)

    def save(self, path: str | Path) -> None:
        """Write a netCDF file, which keeps every bit; raises InputError without xarray, or if it cannot be written."""
        from sam_theory.sweeps._dataset import save

        save(self.dataset, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> SweepResult:
        """Read what :meth:`save` wrote; raises InputError for a file that holds no sweep."""
        from sam_theory.sweeps._dataset import load

        return cls(*load(Path(path)))

    def plot(
        self,
        name: str = "outcome",
        x: str | None = None,
        y: str | None = None,
        at: Mapping[str, float] | None = None,
        axes: Axes | None = None,
    ) -> Axes:
        """Draw a quantity over two axes of the sweep, or over its only one.

        Parameters
        ----------
        name : str
            ``"outcome"``, ``"step"``, ``"settled"``, an observable, or a coordinate of the final state.
        x, y : str, optional
            Axes of the sweep; by default the first two with more than one value.
        at : dict, optional
            Values of the other axes, of which the nearest is taken (for ``start``: its number); the first otherwise.
        axes : matplotlib Axes, optional

        Raises
        ------
        InputError
            For unknown names.
        """
        from sam_theory.sweeps._plot import draw

        return draw(self, name, x, y, at or {}, axes)

    def quantity(self, name: str) -> npt.NDArray[Any]:
        """A quantity by name: one of :attr:`arrays`, or a coordinate of the final state; raises InputError."""
        arrays, coordinates = self.arrays, self._document["coordinates"]
        if name in arrays and arrays[name].ndim == len(self.shape):
            return arrays[name]
        if name in coordinates and "final" in arrays:
            return arrays["final"][..., coordinates.index(name)]
        known = [n for n, v in arrays.items() if v.ndim == len(self.shape)]
        known += coordinates if "final" in arrays else []
        raise InputError(f"the sweep has no quantity {name!r}; {nearest(name, known)}")

    def __repr__(self) -> str:
        axes = ", ".join(f"{name} {len(values)}" for name, values in self.axes.items())
        return f"<sweep over {axes}: {self._document['rule']['name']} on {self._document['loss']['name']}>"


def _floats(values: list[Any]) -> npt.NDArray[np.float64]:
    if values and isinstance(values[0], list):
        return np.array([[math.nan if v is None else float.fromhex(v) for v in row] for row in values])
    return np.array([float.fromhex(v) for v in values])


def _check_memory(needed: int) -> None:
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return
    if needed > 0.8 * there:
        raise InputError(
            f"the result has {needed / 2**30:.1f} GiB, this machine {there / 2**30:.1f} GiB of memory; "
            "take it in pieces with tiles(), or keep less (final=False)"
        )
