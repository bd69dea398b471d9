"""Scrambled Sobol points, which fill a cube more evenly than random ones.

Direction numbers of Joe and Kuo (2008, SIAM J. Sci. Comput. 30, the file new-joe-kuo-6.21201); scrambled by a random
linear map of the digits and a random shift (Matoušek 1998).  The points are those of ``scipy.stats.qmc.Sobol``, whose
package takes half of the time that a process needs to start.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["sobol"]

_BITS = 30
#: for each coordinate but the first a primitive polynomial over GF(2) and the first direction numbers
_NUMBERS = (
    "3: 1, 7: 1 3, 11: 1 3 1, 13: 1 1 1, 19: 1 1 3 3, 25: 1 3 5 13, 37: 1 1 5 5 17, 41: 1 1 5 5 5, "
    "47: 1 1 7 11 19, 55: 1 1 5 1 1, 59: 1 1 1 3 11, 61: 1 3 5 5 31, 67: 1 3 3 9 7 49, 91: 1 1 1 15 21 21, "
    "97: 1 3 1 13 27 49, 103: 1 1 1 15 7 5, 109: 1 3 1 15 13 25, 115: 1 1 5 5 19 61, 131: 1 3 7 11 23 15 103, "
    "137: 1 3 7 13 13 15 69, 143: 1 1 3 13 7 35 63, 145: 1 3 5 9 1 25 53, 157: 1 3 1 13 9 35 107"
)


@cache
def _directions(coordinates: int, columns: int) -> NDArray[np.float64]:
    """The binary digits of the direction numbers, the highest first: shape (coordinates, columns, digits)."""
    numbers = np.zeros((coordinates, columns), dtype=np.int64)
    numbers[:1] = 1
    for row, line in zip(numbers[1:], _NUMBERS.split(", "), strict=False):
        polynomial, first = line.split(": ")
        v, p = [int(a) for a in first.split()], int(polynomial)
        degree = len(v)
        for j in range(degree, columns):
            new = v[j - degree]
            for k in range(1, degree + 1):
                if p >> (degree - k) & 1:
                    new ^= v[j - k] << k
            v.append(new)
        row[:] = v[:columns]
    numbers <<= _BITS - 1 - np.arange(columns)
    return _digits(numbers)


def _digits(numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    return (numbers[..., None] >> np.arange(_BITS)[::-1] & 1).astype(float)


def sobol(rng: np.random.Generator, coordinates: int, log2_points: int) -> NDArray[np.float64]:
    """2^``log2_points`` points of the unit cube, of shape (points, coordinates).

    They are drawn with a generator spawned from ``rng``, which is left as it is; coordinates beyond those that have
    direction numbers are drawn independently.
    """
    (rng,) = rng.spawn(1)
    d = min(coordinates, 2 + _NUMBERS.count(","))
    shift = rng.integers(2, size=(d, _BITS), dtype=np.uint32) @ (1 << np.arange(_BITS))
    mixing = np.tril(rng.integers(2, size=(d, _BITS, _BITS), dtype=np.uint32)).astype(float)
    mixing[:, np.arange(_BITS), np.arange(_BITS)] = 1.0
    digits = (_directions(d, log2_points) @ mixing.transpose(0, 2, 1)).astype(np.int64) & 1
    columns = digits @ (1 << np.arange(_BITS)[::-1])
    points = shift[None, :]
    for column in columns.T:  # the order of a Gray code: each half is the other one backwards, with one digit changed
        points = np.concatenate([points, points[::-1] ^ column])
    return np.concatenate([points * 0.5**_BITS, rng.random((len(points), coordinates - d))], axis=1)
