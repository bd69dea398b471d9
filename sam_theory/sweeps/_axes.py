"""The axes of a sweep: names and values, from lists, ``linspace`` and ``logspace``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sam_theory.errors import InputError, nearest

__all__ = ["Axis", "axis_values"]

FloatArray = npt.NDArray[np.float64]

_MOST = 10_000_000
"""Values of one axis: they are held by every process."""


@dataclass(frozen=True, eq=False)
class Axis:
    """A named axis: ``values`` has shape (n,), or (n, d) for the starts."""

    name: str
    kind: Literal["parameter", "coordinate", "start"]
    values: FloatArray

    def __len__(self) -> int:
        return len(self.values)


def axis_values(name: str, given: Any) -> FloatArray:
    """The values of an axis as finite floats, shape (n,), n ≥ 1.

    Parameters
    ----------
    name : str
        For messages.
    given : sequence, array, or mapping
        Numbers; or ``{"linspace": [low, high, n]}``, n values at equal distances, or ``{"logspace": [low, high, n]}``,
        n values at equal ratios; both ends are values themselves.

    Raises
    ------
    InputError
        For what is none of these, no number, not finite, empty, or the same value twice.

    Examples
    --------
    >>> axis_values("eta", {"logspace": [0.01, 1, 3]}).tolist()
    [0.01, 0.1, 1.0]
    """
    values = _spaced(name, given) if isinstance(given, Mapping) else _listed(name, given)
    ordered = np.sort(values)  # a result could neither be selected by a value that is there twice, nor drawn
    if len(twice := ordered[1:][ordered[1:] == ordered[:-1]]):
        raise InputError(f"the axis {name} has the value {twice[0]:.17g} more than once; give each value once")
    return values


def _listed(name: str, given: Any) -> FloatArray:
    try:
        raw = np.asarray(given)
        if raw.dtype.kind not in "iufO" or raw.ndim > 1:
            raise TypeError
        values = np.array(raw, dtype=float).reshape(-1)
    except (TypeError, ValueError, OverflowError):
        raise InputError(
            f"the axis {name} must be a list of numbers, {{linspace = [low, high, n]}} or {{logspace = ...}}, "
            f"not {_short(given)}"
        ) from None
    if not len(values):
        raise InputError(f"the axis {name} has no values; give at least one")
    if len(values) > _MOST:
        raise InputError(f"the axis {name} has {len(values)} values; at most {_MOST} are held, use two axes")
    if not np.isfinite(values).all():
        raise InputError(f"the axis {name} is not finite everywhere; give numbers without NaN and infinity")
    return values


def _spaced(name: str, given: Mapping[str, Any]) -> FloatArray:
    forms = ("linspace", "logspace")
    for form in given:
        if form not in forms:
            raise InputError(f"the axis {name} has no form {form!r}; {nearest(str(form), forms)}")
    if len(given) != 1:
        raise InputError(f"the axis {name} takes one of linspace and logspace, as {{linspace = [0.01, 0.6, 512]}}")
    ((form, said),) = given.items()
    try:
        low, high, n = said
    except (TypeError, ValueError):
        raise InputError(f"the axis {name}: {form} takes [low, high, number of values], not {_short(said)}") from None
    if isinstance(n, Fraction) and n.denominator == 1:
        n = n.numerator
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 or n > _MOST:
        raise InputError(f"the axis {name}: {form} takes a whole number of values, 1 to {_MOST}, not {_short(n)}")
    ends = _listed(name, [low, high])
    if n == 1 and ends[0] != ends[1]:
        raise InputError(f"the axis {name}: one value cannot have two ends; write [{ends[0]:g}]")
    if form == "linspace":
        return _linear(_fraction(low), _fraction(high), int(n))
    if not (ends > 0).all():
        raise InputError(f"the axis {name}: logspace takes the ends themselves, both above 0, as [0.001, 1, 100]")
    return _geometric(float(ends[0]), float(ends[1]), int(n))


def _fraction(value: Any) -> Fraction:
    return Fraction(value) if isinstance(value, (int, float, Fraction)) else Fraction(float(value))


def _linear(low: Fraction, high: Fraction, n: int) -> FloatArray:
    """Each value is the float nearest to the exact one, whatever library is below."""
    scale = math.lcm(low.denominator, high.denominator) * max(n - 1, 1)
    first, last = int(low * scale), int(high * scale)
    step = (last - first) // max(n - 1, 1)
    return np.array([(first + i * step) / scale for i in range(n)])  # Python's quotient of integers is the nearest


def _geometric(low: float, high: float, n: int) -> FloatArray:
    """The same, to fifty digits before they are rounded."""
    with localcontext() as context:
        context.prec = 60
        value, top = Decimal(low), Decimal(high)
        ratio = ((top / value).ln() / max(n - 1, 1)).exp()
        found = []
        for _ in range(n):
            found.append(float(value))
            value *= ratio
    return np.array([*found[:-1], high])


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
