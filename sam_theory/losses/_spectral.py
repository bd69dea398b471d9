"""Quadratics of any dimension and any spectrum, through the moments of an abstract operator."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import sympy as sp

from sam_theory.arithmetic import Gram
from sam_theory.losses import _draw as draw
from sam_theory.losses._classes import FunctionClass
from sam_theory.losses._families import Family
from sam_theory.losses._lemmas import Fact
from sam_theory.losses._members import quadratic_members

__all__ = ["SpectralQuadratic"]


class SpectralQuadratic(FunctionClass):
    r"""Every :math:`L(w)=\tfrac12\langle w,\Lambda w\rangle` with Λ symmetric and its spectrum in [α, β]; 0 < α ≤ β.

    In Gram form Λ acts on labels and an inner product is a moment :math:`\langle a,\Lambda^kb\rangle`: what is
    proved with them holds in every dimension and for every spectrum.  The facts are *spectral bounds* and the
    *spectral interval* at each point (the spectral theorem) and Cauchy–Schwarz for gradients, all of any combination
    of labels.

    Parameters
    ----------
    alpha, beta : sympy.Symbol or exact number
        Bounds of the spectrum, [λ].

    Raises
    ------
    InputError
        As for every class of functions.

    Examples
    --------
    >>> from sam_theory.arithmetic import Gram
    >>> gram, loss = Gram(), SpectralQuadratic(1, 4)
    >>> w = gram.vector("w")
    >>> loss.value(gram, w), gram.dot(loss.gradient(gram, w), w)
    (<w,Λ(w)>/2, <w,Λ(w)>)
    """

    spectral = True
    constants = ("alpha", "beta")

    def lemmas(self, gram: Gram) -> list[Fact]:
        found = []
        for p in gram.points:
            if p.at.terms:
                moments = [sp.expand(gram.dot(*pair)) for pair in ((p.at, p.at), (p.at, p.gradient))]
                moments.append(sp.expand(gram.dot(p.gradient, p.gradient)))
                for low, high in pairwise(moments):
                    found.append(Fact("spectral bounds", (p.name,), sp.Le(self.alpha * low, high, evaluate=False)))
                    found.append(Fact("spectral bounds", (p.name,), sp.Le(high, self.beta * low, evaluate=False)))
                found.append(self._interval(p.name, *moments))
        return found

    def _interval(self, name: str, square: sp.Expr, form: sp.Expr, image: sp.Expr) -> Fact:
        r"""αβ‖v‖² + ‖Λv‖² ≤ (α+β)⟨v,Λv⟩, of the moments of v.

        Proof: with v = Σvᵢ in eigenvectors of Λ, the difference of the two sides is Σ(λᵢ−α)(β−λᵢ)‖vᵢ‖² ≥ 0, since every
        λᵢ lies in [α, β].  That is (Λ−α)(β−Λ) ⪰ 0, from which Kantorovich's inequality follows; the spectral bounds say
        less (α = 1, β = 2, ‖v‖ = 1, ⟨v,Λv⟩ = 3/2, ‖Λv‖² = 3 satisfy them).
        """
        small = sp.expand(self.alpha * self.beta * square + image)
        large = sp.expand((self.alpha + self.beta) * form)
        return Fact("spectral interval", (name,), sp.Le(small, large, evaluate=False))

    def families(self) -> tuple[Family, ...]:
        return _families(self.dimension)


@cache
def _families(dimension: int | None) -> tuple[Family, ...]:
    found = []
    proof = "every eigenvalue is (1−t)·α + t·β with t in [0, 1]; an orthogonal change of basis makes any Λ diagonal"
    for d in (1, 2, 3) if dimension is None else (dimension,):
        names = tuple(f"m_t{i + 1}" for i in range(d))
        loss = quadratic_members(names)
        found.append(Family(f"quadratic, d={d}", loss, draw.quadratic(names), proof, "strongly convex", True))
    return tuple(found)
