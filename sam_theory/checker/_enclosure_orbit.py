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
        self.state, self.centre = [sides[n] for n in starts], [points[n] for n in starts]
        self.wide = [n for n, (low, high) in box.items() if low < high]
        self.deviation = [ball_of(box[n]) - exact(centre[n]) for n in self.wide]
        self.steps = 0

    def step(self) -> None:
        """All orbits make one step; Unclear where a jump lies inside the set, or it has become unbounded."""
        after = self.advance(self.curved, self.state, self.env)
        self.centre = self.advance(self.plain, self.centre, self.centre_env)
        self.state = [self.tightened(a, c) for a, c in zip(after, self.centre, strict=True)]
        if not all(a.v.is_finite() for a in self.state):
            raise Unclear(f"the enclosure is unbounded after {self.steps + 1} steps")
        self.steps += 1

    def tightened(self, a: Number, centre: Number) -> Number:
        """The same value with the mean-value form, ``centre`` being what it is at the centre of the box."""
        return Number(self.curved, both(self.form(a, centre), a.v), a.d)

    def form(self, a: Number, centre: Number) -> arb:
        """The mean-value form."""
        total = centre.v
        for j, slope in a.d.items():
            total += slope * self.deviation[j]
        return total

    def slope(self, a: Number, name: str) -> arb:
        """The derivative of a value in one side of the box."""
        return a.d.get(self.wide.index(name), arb(0)) if name in self.wide else arb(0)
