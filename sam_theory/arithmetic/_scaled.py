"""Vectors that remember a common factor, so that a normalisation can drop it before anything is enclosed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sam_theory.arithmetic._base import Arithmetic, Coordinates


class Scaled(Coordinates):
    """``factor`` times ``rest``, with the products as its coordinates."""

    __slots__ = ("factor", "rest")

    def __init__(self, values: Iterable[Any], factor: Any, rest: Coordinates) -> None:
        super().__init__(values)
        self.factor = factor
        self.rest = rest


class KeepsFactors(Arithmetic):
    r"""Knows that :math:`sv/\|sv\|=\operatorname{sgn}(s)\,v/\|v\|`.

    The gradient of ℓ(x·y) is ℓ'(x·y)·(y, x): in balls, and even more in derivatives over balls, the quotient of ℓ'
    by its own modulus would be wide where it is in truth ±1.
    """

    def mul(self, a: Any, b: Any) -> Any:
        if isinstance(b, Coordinates):
            return Scaled((b * a).values, a, b)
        return a * b

    def concat(self, blocks: Sequence[Any]) -> Any:
        whole = super().concat(blocks)
        first = blocks[0]
        if all(isinstance(b, Scaled) and b.factor is first.factor for b in blocks):
            return Scaled(whole.values, first.factor, super().concat([b.rest for b in blocks]))
        return whole

    def unfactored_unit(self, v: Any, eps: Any) -> Any:
        """The unit vector without the common factor; None where there is none, or it is not certainly of one sign."""
        if not isinstance(v, Scaled) or not self.is_zero(eps):
            return None
        s = self.sign(v.factor)
        return None if self.is_zero(s) else self.unit(v.rest, eps, "add") * s
