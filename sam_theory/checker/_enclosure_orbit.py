"""Boxes of orbits: every state with its slopes in the parameters and starts, brought back to a mean-value form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flint import arb

from sam_theory.checker._enclosure_base import Balls, Unclear, exact
from sam_theory.checker._enclosure_cover import Box, ball_of, middle
from sam_theory.checker._enclosure_number import Calculus, Number
from sam_theory.checker._enclosure_value import both, seeds

__all__ = ["Orbit"]

Advance = Callable[[Calculus, list[Number], dict[str, Any]], list[Number]]
Complete = Callable[[Calculus, dict[str, Any]], dict[str, Any]]


class Orbit:
    r"""All orbits of a box of parameters and starts.

    With :math:`J_t` around every derivative of :math:`w_t` in the sides s of the box, and c its centre,
    :math:`w_t(s)\in w_t(c)+J_t(s-c)`.  The chain rule gives J from step to step.

    Parameters
    ----------
    advance : callable (calculus, coordinates, environment) -> coordinates
    complete : callable (calculus, sides) -> environment
    box : Box
        Sides for every parameter and every coordinate in ``starts``.
    starts : sequence of str
        The sides that are coordinates, in order.
    lipschitz : bool
        Whether kinks are allowed; a derivative does not exist there.
    """

    def __init__(
        self, advance: Advance, complete: Complete, box: Box, starts: Sequence[str], lipschitz: bool = True
    ) -> None:
        self.advance, self.box = advance, box
        self.curved, self.plain = Calculus(Balls(), lipschitz), Calculus(Balls())
        sides, centre = seeds(self.curved, box), middle(box)
        points = {n: self.plain.number(q) for n, q in centre.items()}
        self.env, self.centre_env = complete(self.curved, sides), complete(self.plain, points)
        self.begin, self.centre_begin = [sides[n] for n in starts], [points[n] for n in starts]
        self.hull, self.rows = [a.v for a in self.begin], [dict(a.d) for a in self.begin]
        self.centre = list(self.centre_begin)
        self.wide = [n for n, (low, high) in box.items() if low < high]
        self.deviation = [ball_of(box[n]) - exact(centre[n]) for n in self.wide]
        self.steps = 0

    def step(self) -> None:
        """All orbits make one step; Unclear where a jump lies inside the set, or it has become unbounded."""
        after = [self.chained(a) for a in self.advance(self.curved, self.state, self.env)]
        self.centre = self.advance(self.plain, self.centre, self.centre_env)
        self.hull = [self.tight(a, c) for a, c in zip(after, self.centre, strict=True)]
        self.rows = [a.d for a in after]
        if not all(a.is_finite() for a in self.hull):
            raise Unclear(f"the enclosure is unbounded after {self.steps + 1} steps")
        self.steps += 1

    def lean(self, slopes: list[list[arb]], names: Sequence[str]) -> None:
        """Begin on a set that moves with the parameters ``names``, with these slopes; before the first step."""
        for i, row in enumerate(slopes):
            for n, a in zip(names, row, strict=True):
                j = self.wide.index(n)
                self.rows[i][j] = a
                self.hull[i] = self.hull[i] + a * self.deviation[j]

    @property
    def state(self) -> list[Number]:
        """The present coordinates as variables of their own: a step that contracts then contracts the slopes."""
        return [self.curved.seed(h, len(self.wide) + i) for i, h in enumerate(self.hull)]

    def chained(self, a: Number) -> Number:
        """A value of the present coordinates, with its slopes in the sides of the box instead."""
        own: dict[int, Any] = {j: s for j, s in a.d.items() if j < len(self.wide)}
        for j, s in a.d.items():
            if j >= len(self.wide):
                for i, r in self.rows[j - len(self.wide)].items():
                    own[i] = own[i] + s * r if i in own else s * r
        return Number(self.curved, a.v, own)

    def tight(self, a: Number, centre: Number) -> arb:
        """The values of ``a``, by the mean-value form as well; ``centre`` is its value at the centre of the box."""
        total = centre.v
        for j, slope in self.chained(a).d.items():
            total += slope * self.deviation[j]
        return both(total, a.v)

    def slope(self, i: int, name: str) -> arb:
        """The derivative of coordinate ``i`` in one side of the box."""
        return self.rows[i].get(self.wide.index(name), arb(0)) if name in self.wide else arb(0)
