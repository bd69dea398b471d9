"""The trajectories of a tile in the form that kernels work on: a column each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.dynamics._follow import Since
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
    start_norm : array (n,)
    since : Since
    running : array (n,)
        For how many steps the last displacements have been within the tolerance of settling.
    done : array (n,) of bool
        Trajectories that have ended, and are carried along.
    """

    def __init__(
        self,
        kernel: Kernel,
        rows: FloatArray,
        index: Columns,
        start_norm: FloatArray,
        since: Since,
        running: FloatArray,
        done: npt.NDArray[np.bool_],
    ) -> None:
        self.kernel, self.rows, self.index = kernel, rows, index
        self.start_norm, self.since, self.running, self.done = start_norm, since, running, done
        self.n = len(index)

    def block(self, name: str, size: int) -> FloatArray:
        """``size`` rows from ``name``, without the columns that fill registers."""
        first = self.kernel.layout.places[name]
        return self.rows[first : first + size, : self.n]

    def near(self) -> npt.NDArray[np.bool_]:
        """Which of them have settled or alternate at the present step."""
        return np.asarray((self.since.settled > 0) | (self.since.cycling > 0))

    def take(self, columns: Columns) -> Sheet:
        """A sheet of those columns."""
        rows = self.rows.take(padded(columns, self.kernel.width), axis=1)
        at = (self.index[columns], self.start_norm[columns], self.since.take(columns))
        return Sheet(self.kernel, rows, *at, self.running[columns], self.done[columns])

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

    def along(name: str) -> Any:
        return np.concatenate([getattr(s, name) for s in sheets])

    since = Since(*(np.concatenate([getattr(s.since, f) for s in sheets]) for f in ("settled", "cycling", "stuck")))
    rows = np.concatenate([s.rows[:, : s.n] for s in sheets], axis=1)
    rows = rows.take(padded(np.arange(rows.shape[1]), kernel.width), axis=1)
    return Sheet(kernel, rows, along("index"), along("start_norm"), since, along("running"), along("done"))
