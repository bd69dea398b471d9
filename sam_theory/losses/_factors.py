"""Products of more than two scalar factors: ℓ(xyz)."""

from __future__ import annotations

import sympy as sp

from sam_theory.arithmetic import LENGTH, LOSS, Traced
from sam_theory.errors import InputError
from sam_theory.losses._base import Facts, Loss, Trace
from sam_theory.losses._links import Link

_NAMES = ("x", "y", "z", "u", "v")


class FactorProduct(Loss):
    r""":math:`L(w)=\ell(w_1w_2\cdots w_k)` for scalar factors.

    Parameters
    ----------
    link : Link
        ℓ, concrete or opaque.
    factors : int
        k, from 2 to 5.

    Raises
    ------
    InputError
        For another number of factors.
    """

    def __init__(self, link: Link, factors: int = 3) -> None:
        if not 2 <= factors <= len(_NAMES):
            raise InputError(f"a product needs 2 to {len(_NAMES)} factors, not {factors}")
        self.link = link
        self.dimension = factors
        self.name = f"{link.name}({''.join(self.variables)})"
        if link.opaque:
            jet = link.jet.items()
            self.dimensions = {s.name: LOSS / LENGTH ** (factors * k) for k, e in jet for s in e.free_symbols}
        trace = Trace()
        parts = [trace.component(i) for i in range(factors)]
        z = _times(parts)
        slope = z.emit("call", z, data=(link, 1))
        self.value_program = trace.finish(z.emit("call", z, data=(link, 0)))
        others = [slope * _times(parts[:i] + parts[i + 1 :]) for i in range(factors)]
        self.gradient_program = trace.finish(slope.emit("stack", *others))
        if link.least_at_zero:
            free = [sp.Symbol(n, real=True) for n in self.variables]
            points = tuple(tuple(sp.S.Zero if i == j else free[j] for j in range(factors)) for i in range(factors))
            self.facts = Facts(minimum=link.function(0)(sp.S.Zero), minimisers=points)

    def with_link(self, link: Link) -> FactorProduct:
        """The same product with another ℓ."""
        return FactorProduct(link, len(self.variables))

    @property
    def variables(self) -> tuple[str, ...]:
        return _NAMES[: self.dimension]


def _times(parts: list[Traced]) -> Traced:
    total = parts[0]
    for p in parts[1:]:
        total = total * p
    return total
