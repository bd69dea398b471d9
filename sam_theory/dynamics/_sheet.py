"""The trajectories of a tile in the form that kernels work on: a column each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sam_theory.dynamics._follow import Mask, Since
from sam_theory.dynamics._outcome import FloatArray

if TYPE_CHECKING:
    from sam_theory.kernels._loop import Kernel

Columns = npt.NDArray[np.int64]


class Sheet:
    """n trajectories that go through the same steps.

    Attributes
    ----------
    rows : array (rows of the layout, m)
        m is n rounded up to whole registers; the columns beyond n repeat the last one.
    index : array (n,)
        Which trajectories of the tile they are.
    stuck : array (n,) of bool
        Whether the present run of settled steps moved nothing at a zero gradient.
    done : array (n,) of bool
        Trajectories that have ended, and are carried along.
    """

    def __init__(self, kernel: Kernel, rows: FloatArray, index: Columns, stuck: Mask, done: Mask) -> None:
        self.kernel, self.rows, self.index, self.stuck, self.done = kernel, rows, index, stuck, done
        self.n = len(index)

    def row(self, name: str) -> FloatArray:
        """One row, without the columns that fill registers."""
        return self.rows[self.kernel.layout.places[name], : self.n]

    def block(self, name: str, size: int) -> FloatArray:
        """``size`` rows from ``name``, without the columns that fill registers."""
        first = self.kernel.layout.places[name]
        return self.rows[first : first + size, : self.n]

    @property
    def since(self) -> Since:
        """Since when columns have been settled or alternating; the first two are views of rows."""
        return Since(self.row("settled"), self.row("cycling"), self.stuck)

    def near(self) -> Mask:
        """Which of them have settled or alternate at the present step."""
        return np.asarray((self.row("settled") > 0) | (self.row("cycling") > 0))

    def take(self, columns: Columns) -> Sheet:
        """A sheet of those columns."""
        rows = self.rows.take(padded(columns, self.kernel.width), axis=1)
        return Sheet(self.kernel, rows, self.index[columns], self.stuck[columns], self.done[columns])

    def put(self, columns: Columns, part: Sheet) -> None:
        """Replace those columns."""
        self.rows[:, columns] = part.rows[:, : part.n]
        self.stuck[columns] = part.stuck

    def run(self, **job: int) -> None:
        """Run the kernel on all columns."""
        if self.n:
            self.kernel.run(sheet=self.rows.ctypes.data, columns=self.rows.shape[1], **job)


def padded(columns: Columns, width: int) -> Columns:
    """``columns``, the last of them repeated to whole registers."""
    extra = -len(columns) % width
    return np.concatenate([columns, np.full(extra, columns[-1])]) if extra else columns


def joined(sheets: Sequence[Sheet]) -> Sheet:
    """One sheet with the columns of several."""
    if len(sheets) == 1:
        return sheets[0]
    kernel = sheets[0].kernel
    rows = np.concatenate([s.rows[:, : s.n] for s in sheets], axis=1)
    rows = rows.take(padded(np.arange(rows.shape[1]), kernel.width), axis=1)
    index, stuck, done = (np.concatenate([getattr(s, name) for s in sheets]) for name in ("index", "stuck", "done"))
    return Sheet(kernel, rows, index, stuck, done)
