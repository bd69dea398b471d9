"""A nonconvex Polyak–Łojasiewicz loss of two variables: ridges that run out from the minimum like spokes."""

from __future__ import annotations

from typing import Any

import sympy as sp

from sam_theory.errors import InputError
from sam_theory.losses._base import Facts
from sam_theory.losses._concrete import Expression, exact


class Ridges(Expression):
    r""":math:`\tfrac12\|w\|^2(1+b\cos k\theta)` in polar coordinates, a rational function of the plane for even k.

    With :math:`h=1+b\cos k\theta` the gradient is :math:`r(h,h'/2)` in the radial and the angular direction, so that
    :math:`\|\nabla L\|^2=r^2(h^2+h'^2/4)\ge 2hL\ge 2(1-b)L`, with equality in the valleys; for b = 1, where the valleys
    are rays of minima, :math:`\|\nabla L\|^2=2L(1+c+k^2(1-c)/4)\ge 4L`.  The Hessian has the trace
    :math:`2h+h''/2` and the eigenvalues :math:`1-(m-1)bc\pm b\sqrt{m^2c^2+k^2(1-c^2)/4}`, :math:`c=\cos k\theta`,
    :math:`m=k^2/4`, which are convex and concave in c and thus at most :math:`1+(k^2/2-1)b` in modulus.  From a side
    of a ridge the gradient points at it, and the ascent step of SAM may cross it.

    Parameters
    ----------
    b : rational
        Height of the ridges, 0 < b ≤ 1.
    k : int
        Their number, even and at least 4.

    Raises
    ------
    InputError
        For other parameters.

    Examples
    --------
    >>> Ridges("1/2", 4).facts.beta
    9/2
    """

    def __init__(self, b: Any, k: int = 8) -> None:
        height = exact(b, "height of the ridges")
        if not (height.is_Rational and 0 < height <= 1):
            raise InputError(f"the height of the ridges is a rational above 0 and at most 1, not {b}")
        if k < 4 or k % 2:
            raise InputError(f"the number of ridges is even and at least 4, not {k}")
        x, y = sp.symbols("x y", real=True)
        squared = x**2 + y**2
        # At the origin, where r² is 0, the quotients by it are 0 as well.
        below = (squared + 1 - sp.sign(squared)) ** (k // 2)
        cosine, sine = ((x + sp.I * y) ** k).expand().as_real_imag()
        h, half_slope = 1 + height * cosine / below, -height * k * sine / (2 * below)
        super().__init__(squared / 2, [x, y], name=f"{k} ridges of height {height}")
        self.expression = squared * h / 2
        self.value_program = self._program(self.expression)
        self.gradient_program = self._stacked([h * x - half_slope * y, h * y + half_slope * x])
        self.facts = Facts(
            beta=1 + (sp.Rational(k**2, 2) - 1) * height,
            minimum=sp.S.Zero,
            minimisers=((0, 0),),
            polyak_lojasiewicz=1 - height if height < 1 else sp.Integer(2),
        )
