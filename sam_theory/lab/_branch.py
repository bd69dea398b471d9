"""Branches of periodic orbits as objects: their points, what happens on them, and how they go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.dynamics import Map
from sam_theory.engines import box
from sam_theory.errors import InputError, nearest
from sam_theory.lab._at import FloatArray
from sam_theory.lab._curve import Curve, checked_curve
from sam_theory.lab._draw import draw, numbers, point_text
from sam_theory.lab._grow import beside, between, distinct, halving, turned
from sam_theory.lab._save import load_json, save_json
from sam_theory.lab._special import SpecialPoint
from sam_theory.lab._trace import CLOSED, HALVED, INTERRUPTED, LEFT, LIMIT, Node, Walk, node_at, walk

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Branch"]

#: A modulus this close to 1 is called neutral.
_NEUTRAL = 1e-9
_KIND = "branch"
_RESUMABLE = (LEFT, LIMIT, INTERRUPTED)


@dataclass(frozen=True)
class Branch:
    """A branch of fixed points or cycles in one parameter, made by :func:`continue_orbit`.

    Parameters
    ----------
    curve : Curve
        Map, numbers, what varies, period.
    span : tuple of Fraction
        The parameter values that were asked for.
    nodes : tuple of Node
        In order along the branch.
    special : tuple of SpecialPoint
        In the same order.
    ends : tuple of str
        Why the branch ends before its first and behind its last point.
    base : ndarray, shape (d+1,)
        Units of length of state and parameter.
    step : float
        The longest step, in these units.
    """

    curve: Curve
    span: tuple[Fraction, Fraction]
    nodes: tuple[Node, ...]
    special: tuple[SpecialPoint, ...]
    ends: tuple[str, str]
    base: FloatArray
    step: float

    def __len__(self) -> int:
        return len(self.nodes)

    @property
    def interrupted(self) -> bool:
        """Whether the continuation was stopped."""
        return INTERRUPTED in self.ends

    @property
    def period(self) -> int:
        """Number of points of an orbit."""
        return self.curve.period

    @cached_property
    def parameters(self) -> FloatArray:
        """The varying parameter at each point of the branch, shape (n,)."""
        return np.array([n.z[-1] for n in self.nodes])

    @cached_property
    def orbits(self) -> FloatArray:
        """The orbits, shape (n, period, d)."""
        found = [self.curve.steps(n.z, self.period) for n in self.nodes]
        d = len(self.curve.names)
        return np.array([np.full((self.period, d), np.nan) if o is None else o for o in found])

    @cached_property
    def multipliers(self) -> npt.NDArray[np.complex128]:
        """Eigenvalues of the derivative of the return map, shape (n, d), by falling modulus."""
        d = len(self.curve.names)
        rows = [np.linalg.eigvals(n.slope[:, :d] + np.eye(d)).astype(complex) for n in self.nodes]
        return np.array([r[np.lexsort((-r.imag, -np.abs(r)))] for r in rows])

    @cached_property
    def stable(self) -> npt.NDArray[np.bool_]:
        """Whether every multiplier is inside the unit circle, shape (n,)."""
        return np.asarray((np.abs(self.multipliers) < 1 - _NEUTRAL).all(axis=1))

    def at(self, value: float) -> FloatArray:
        """The orbits of the branch at a value of the parameter, shape (m, period, d); empty where there is none."""
        across = np.append(np.zeros(len(self.curve.names)), 1.0)
        found: list[FloatArray] = []
        for a, b in itertools.pairwise(self.nodes):
            low, high = sorted((a.z[-1], b.z[-1]))
            if not low <= value <= high or low == high:
                continue
            guess = a.z + (b.z - a.z) * (value - a.z[-1]) / (b.z[-1] - a.z[-1])
            exact = self.curve.corrected(guess, across, a.scale, 20)
            orbit = None if exact is None else self.curve.steps(exact[0], self.period)
            if orbit is not None and not any(np.abs(orbit - o).max() <= 1e-9 * a.scale[:-1].max() for o in found):
                found.append(orbit)
        return np.array(found).reshape(len(found), self.period, len(self.curve.names))

    def passes(self, point: FloatArray, value: float) -> bool:
        """Whether an orbit of the branch at a value of the parameter contains the point, up to rounding."""
        size = float(np.abs(self.base[:-1]).max()) + float(np.abs(point).max())
        return bool((np.abs(self.at(value) - point).max(axis=2, initial=0.0) <= 1e-7 * size).any())

    # -- going on ----------------------------------------------------------------------------------------
    def extend(
        self, span: Sequence[Any], *, points: int = 500, progress: Callable[[str], None] | None = None
    ) -> Branch:
        """The branch continued from both ends to a wider span.

        Ends that are final (a loop, a kink, a smaller period) stay.

        Parameters
        ----------
        span : pair of numbers
            Must contain the old span.
        points : int
            The most points that are added at each end.

        Raises
        ------
        InputError
            If the span is narrower than before or holds values that the map does not admit.
        """
        low, high = checked_span(self.curve, span)
        if low > self.span[0] or high < self.span[1]:
            raise InputError(
                f"{_text((low, high), self.curve)} must contain the old one, {_text(self.span, self.curve)}"
            )
        return replace(self, span=(low, high))._walked(points, progress)

    def _walked(self, points: int, progress: Callable[[str], None] | None) -> Branch:
        """The branch grown at both ends."""
        low, high = self.span
        task = Walk(self.curve, float(low), float(high), self.base, self.step, points, progress or (lambda line: None))
        branch = self
        if branch.ends[1] in _RESUMABLE:
            branch = branch._grown(*walk(task, branch.nodes[-1]))
            if branch.ends[1] == CLOSED:
                return replace(branch, ends=(CLOSED, CLOSED))
        if branch.ends[0] in _RESUMABLE and branch.ends[1] != INTERRUPTED:
            branch = branch._turned()._grown(*walk(task, branch.nodes[0].reversed()))._turned()
        return branch

    def _grown(self, added: list[Node], reason: str) -> Branch:
        """The branch with nodes behind its end, and what lies between them."""
        nodes, special = [*self.nodes], [*self.special]
        try:
            for node in added:
                special += between(self.curve, nodes[-1], node, len(nodes) - 1, self.base)
                nodes.append(node)
            if reason == HALVED:
                met = halving(self.curve, nodes[-2] if len(nodes) > 1 else nodes[-1], nodes[-1], len(nodes) - 1)
                if met is not None:
                    special.append(met[0])
                    nodes.append(met[1])
        except KeyboardInterrupt:
            reason = INTERRUPTED
        kept = tuple(distinct(special, self.base))
        return replace(self, nodes=tuple(nodes), special=kept, ends=(self.ends[0], reason))

    def _turned(self) -> Branch:
        """The same branch, passed the other way."""
        nodes = tuple(node.reversed() for node in self.nodes[::-1])
        return replace(self, nodes=nodes, special=turned(self.special, len(nodes)), ends=self.ends[::-1])

    def switch(
        self,
        number: int,
        *,
        span: Sequence[Any] | None = None,
        points: int = 500,
        progress: Callable[[str], None] | None = None,
    ) -> Branch:
        """The branch that crosses or leaves this one at a special point: cycles of twice the period at a flip.

        Parameters
        ----------
        number : int
            Of a flip, pitchfork, transcritical or branch point in ``special``.
        span, points
            As for :func:`continue_orbit`; the span of this branch by default.

        Raises
        ------
        InputError
            If there is no such point, or no orbit beside it is found.
        """
        if not 0 <= number < len(self.special):
            raise InputError(f"the branch has {len(self.special)} special points, numbered from 0, not {number}")
        point = self.special[number]
        if point.directions is None or point.kind == "fold":
            raise InputError(f"no other branch is known at a {point.kind}; take a flip or a branch point")
        curve = replace(self.curve, period=self.period * (2 if point.kind == "flip" else 1))
        start = beside(curve, self.nodes[point.index], point, self.base)
        if start is None:
            raise InputError(f"no orbit was found beside the {point.kind} at {point.parameter:.12g}")
        return traced(curve, start, self.span if span is None else span, self.base, self.step, points, progress)

    # -- results -----------------------------------------------------------------------------------------
    def to_table(self) -> list[dict[str, str]]:
        """The ends and the special points in order along the branch, every cell a text."""
        rows = [self._row("start", self.nodes[0], self.ends[0])]
        for number, s in enumerate(self.special):
            rows.append(
                {
                    "no": str(number),
                    "what": s.kind,
                    self.curve.parameter: f"{s.parameter:.15g}",
                    "first point": point_text(s.points[0]),
                    "multipliers": numbers(s.multipliers),
                    "type": s.type,
                    "coefficient": "-" if s.coefficient is None else f"{s.coefficient:.10g}",
                    "uncertainty": f"{s.uncertainty:.1e}",
                    "detail": s.detail or "-",
                }
            )
        return [*rows, self._row("end", self.nodes[-1], self.ends[1])]

    def _row(self, what: str, node: Node, reason: str) -> dict[str, str]:
        place = 0 if node is self.nodes[0] else -1
        return {
            "no": "-",
            "what": what,
            self.curve.parameter: f"{node.z[-1]:.15g}",
            "first point": point_text(node.z[:-1]),
            "multipliers": numbers(self.multipliers[place]),
            "type": "stable" if self.stable[place] else "unstable or neutral",
            "coefficient": "-",
            "uncertainty": "-",
            "detail": reason,
        }

    def points_table(self) -> list[dict[str, str]]:
        """One row for each point of the branch, every cell a text."""
        return [
            {
                self.curve.parameter: f"{p:.15g}",
                **{n: f"{c:.15g}" for n, c in zip(self.curve.names, o[0], strict=True)},
                "multipliers": numbers(m),
                "stable": "yes" if s else "no",
            }
            for p, o, m, s in zip(self.parameters, self.orbits, self.multipliers, self.stable, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, floats with all their digits."""
        return {
            "kind": _KIND,
            "map": {"rule": self.curve.map.rule.name, "loss": self.curve.map.loss.name},
            "values": {n: str(v) for n, v in self.curve.values.items()},
            "parameter": self.curve.parameter,
            "period": self.period,
            "coordinates": list(self.curve.names),
            "frozen": list(self.curve.frozen),
            "span": [str(v) for v in self.span],
            "ends": list(self.ends),
            "interrupted": self.interrupted,
            "base": self.base.tolist(),
            "step": self.step,
            "points": [n.z.tolist() for n in self.nodes],
            "tangents": [n.tangent.tolist() for n in self.nodes],
            "multipliers": [[[float(m.real), float(m.imag)] for m in row] for row in self.multipliers],
            "stable": [bool(s) for s in self.stable],
            "special": [s.to_json() for s in self.special],
        }

    def save(self, path: str | Path) -> None:
        """Write the branch as JSON, from which :meth:`load` makes it again.

        Raises InputError if it cannot be written.
        """
        save_json(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path, map: Map) -> Branch:
        """A saved branch of ``map``.

        Raises InputError for a file that is damaged or belongs to another map.
        """
        data = load_json(path, _KIND)
        try:
            own = {"rule": map.rule.name, "loss": map.loss.name}
            if data["map"] != own:
                raise InputError(f"{path} is a branch of {data['map']}, not of {own}; give the same rule and loss")
            values = {n: Fraction(v) for n, v in data["values"].items()}
            frozen = {n: values.pop(n) for n in data["frozen"]}
            curve = checked_curve(map, values, data["parameter"], data["period"], frozen)
            base = np.array(data["base"], dtype=float)
            step = float(data["step"])
            size = (len(curve.names) + 1,)
            rows = [base, *(np.array(r, dtype=float) for r in (*data["points"], *data["tangents"]))]
            if any(r.shape != size or not np.isfinite(r).all() for r in rows) or not (base > 0).all() or not 0 < step:
                raise ValueError("numbers of another shape or size")
            nodes = [
                node_at(curve, np.array(z, dtype=float), base, np.array(t, dtype=float))
                for z, t in zip(data["points"], data["tangents"], strict=True)
            ]
            special = tuple(SpecialPoint.from_json(s) for s in data["special"])
            low, high = (Fraction(v) for v in data["span"])
            first, last = data["ends"]
        except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path} lacks parts of a branch ({error}); make it again") from error
        whole = tuple(n for n in nodes if n is not None)
        if not whole or len(whole) < len(nodes):
            raise InputError(f"{path}: the map has no derivative at a point of the branch; make it again")
        return cls(curve, (low, high), whole, special, (str(first), str(last)), base, step)

    def plot(self, axes: Axes | None = None, *, coordinate: str | None = None) -> Axes:
        """One coordinate of every point of the orbits over the parameter: solid where stable, special points marked.

        Returns the axes, for titles and for saving.  Raises InputError for an unknown coordinate.
        """
        names = self.curve.names
        shown = names[0] if coordinate is None else coordinate
        if shown not in names:
            raise InputError(f"the branch has no coordinate '{shown}'; {nearest(shown, names)}")
        return draw(self, axes, names.index(shown))


def checked_span(curve: Curve, span: Sequence[Any]) -> tuple[Fraction, Fraction]:
    """The two ends as exact numbers.  Raises InputError unless the first is smaller and the map admits both."""
    if len(span) != 2:
        raise InputError(f"the span of {curve.parameter} must be a pair (low, high), not {span!r}")
    low, high = box({curve.parameter: tuple(span)})[curve.parameter]
    if low == high:
        raise InputError(f"the span of {curve.parameter} is the single point {low}; give a low and a higher end")
    curve.check(low)
    curve.check(high)
    return low, high


def _text(span: tuple[Fraction, Fraction], curve: Curve) -> str:
    return f"the span [{float(span[0]):.12g}, {float(span[1]):.12g}] of {curve.parameter}"


def traced(
    curve: Curve,
    start: Node,
    span: Sequence[Any],
    base: FloatArray,
    step: float,
    points: int,
    progress: Callable[[str], None] | None,
) -> Branch:
    """The whole branch through a node.  Raises InputError for a span without the node."""
    low, high = checked_span(curve, span)
    if not float(low) <= float(start.z[-1]) <= float(high):
        raise InputError(f"{_text((low, high), curve)} does not contain the start {start.z[-1]:.12g}")
    return Branch(curve, (low, high), (start,), (), (LIMIT, LIMIT), base, step)._walked(points, progress)
