"""Interpolation data: finitely many values and gradients that some member of a function class has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sam_theory.arithmetic import as_fraction
from sam_theory.errors import InputError


def rational(value: Any) -> Fraction:
    """An int, Fraction, SymPy rational or text such as ``"-49/8"`` as a Fraction.

    Raises InputError for a float or a text that is no rational.
    """
    if isinstance(value, float):
        raise InputError(f"the float {value} stands in exact data; write a rational such as '1/10'")
    if isinstance(value, str):
        try:
            return Fraction(value)
        except (ValueError, ZeroDivisionError):
            raise InputError(f"'{value}' is not a rational number; write one such as '-49/8'") from None
    return as_fraction(value)


@dataclass(frozen=True)
class DataPoint:
    """A point, the gradient and the value of the unknown function there; all exact."""

    name: str
    at: tuple[Fraction, ...]
    gradient: tuple[Fraction, ...]
    value: Fraction

    @staticmethod
    def of(name: str, at: Sequence[Any], gradient: Sequence[Any], value: Any) -> DataPoint:
        """The point from ints, fractions or texts such as ``"1/20"``.

        Raises InputError for floats, or if point and gradient differ in dimension.
        """
        if len(at) != len(gradient):
            raise InputError(f"data point {name}: {len(at)} coordinates, but a gradient of {len(gradient)}")
        return DataPoint(name, tuple(map(rational, at)), tuple(map(rational, gradient)), rational(value))


@dataclass(frozen=True)
class InterpolationData:
    """A suspected counterexample over a function class, on which a trajectory of the rule can be followed.

    Where the data satisfy the interpolation conditions of the class, a member passes through them; every
    gradient that the trajectory asks for must be among them.  Nothing here is believed: the search engine
    verifies the conditions, the trajectory and the violation in fractions.

    Parameters
    ----------
    params : mapping of str to int, Fraction or text
        The parameters of the statement, by name.
    points : tuple of DataPoint
        Distinct points in one dimension; the one called ``w_star``, if any, is a minimiser.
    start : str
        The name of the point where the trajectory starts.

    Raises
    ------
    InputError
        For floats, points of different dimension or with equal names or places, an unknown start.

    Examples
    --------
    >>> parabola = [DataPoint.of("w0", [1], [1], "1/2"), DataPoint.of("w_star", [0], [0], 0)]
    >>> InterpolationData({"alpha": 1, "beta": 1, "eta": "1/2"}, tuple(parabola), "w0").dimension
    1
    """

    params: Mapping[str, Any]
    points: tuple[DataPoint, ...]
    start: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", {name: rational(v) for name, v in self.params.items()})
        names = [p.name for p in self.points]
        if len({len(p.at) for p in self.points}) != 1:
            raise InputError("interpolation data need at least one point, and all points in one dimension")
        if len(set(names)) < len(names) or len({p.at for p in self.points}) < len(names):
            raise InputError("interpolation data name a point or a place twice")
        if self.start not in names:
            raise InputError(f"the data have no point '{self.start}' to start from; known: {', '.join(names)}")

    @property
    def dimension(self) -> int:
        """The dimension of the points."""
        return len(self.points[0].at)
