"""Constant matrices of programs: exact rows, and what float64 arithmetics make of them, once."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sam_theory.arithmetic._program import Program


class Rows(tuple[tuple[Fraction, ...], ...]):
    """The rows of a matrix of fractions: a tuple of tuples that remembers its hash and its float64 values.

    Examples
    --------
    >>> Rows(((Fraction(2), Fraction(1)), (Fraction(1), Fraction(2)))).floats
    array([[2., 1.],
           [1., 2.]])
    """

    def __reduce__(self) -> Any:
        return Rows, (tuple(self),)

    @cached_property
    def _hash(self) -> int:
        return super().__hash__()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or super().__eq__(other)

    @cached_property
    def floats(self) -> Any:
        """The entries as an array of float64."""
        import numpy as np

        return np.array([[float(entry) for entry in row] for row in self])

    @cached_property
    def spectrum(self) -> tuple[Any, Any]:
        """Eigenvalues (d,) and orthonormal eigenvectors (d, d), in columns, of a symmetric matrix in float64.

        LAPACK runs on one thread: the last bits of its results depend on their number.
        """
        import numpy as np

        with one_thread():
            values, vectors = np.linalg.eigh(self.floats)
        return values, vectors


@dataclass(frozen=True)
class Factored:
    r"""A loss :math:`\sum_{ij}\ell((XY^\top)_{ij}-C_{ij})` of factors listed by rows, as kernels compute its gradient.

    Parameters
    ----------
    rows, columns, rank : int
        X is rows × rank, Y columns × rank.
    slope : Program
        ℓ′, of ``z``.
    target : tuple of Fraction
        C by rows.
    """

    rows: int
    columns: int
    rank: int
    slope: Program
    target: tuple[Fraction, ...]

    @property
    def dimension(self) -> int:
        """The number of coordinates of X and Y."""
        return (self.rows + self.columns) * self.rank


@contextmanager
def one_thread() -> Iterator[None]:
    """NumPy's linear algebra on one thread, where it is OpenBLAS as in the wheels of NumPy."""
    control = _blas()
    if control is None:
        yield
        return
    put, get = control
    before = get()
    put(1)
    try:
        yield
    finally:
        put(before)


def _blas() -> tuple[Any, Any] | None:
    """The functions that set and tell the number of threads of OpenBLAS."""
    import numpy as np

    places = (Path(np.__file__).parents[1] / "numpy.libs", Path(np.__file__).parent / ".dylibs")
    for library in (file for place in places for file in sorted(place.glob("*openblas*"))):
        loaded = ctypes.CDLL(str(library))
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            put = getattr(loaded, f"{prefix}openblas_set_num_threads{suffix}", None)
            get = getattr(loaded, f"{prefix}openblas_get_num_threads{suffix}", None)
            if put is not None and get is not None:
                return put, get
    return None
