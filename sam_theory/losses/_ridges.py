"""Nonconvex Polyak–Łojasiewicz losses of two variables: ridges like spokes, and a valley that widens uphill."""

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


class WideningValley(Expression):
    r"""A valley along the second axis whose walls level off uphill: 1-smooth, Polyak–Łojasiewicz with α = 1/10.

    With :math:`X=\max(0,|x|-160)`, :math:`Z=y-7260`, :math:`P=14X+33Z`, :math:`R=14Z-33X` it is
    :math:`\tfrac12x^2+\tfrac1{20}y^2+\tfrac9{20}Z_+^2-\tfrac1{2968}(P_+^2+R_+^2)`, where
    :math:`(P_+^2+R_+^2)/1285` is the squared distance from the convex set P ≤ 0.  It is continuously differentiable and
    quadratic in pieces, each with a Hessian between −1 and 1.  That :math:`\|\nabla L\|^2\ge L/5` is a calculation in
    each piece (``docs/derivations/hypotheses.md``).

    Examples
    --------
    >>> WideningValley().facts.polyak_lojasiewicz
    1/10
    """

    def __init__(self) -> None:
        x, y = sp.symbols("x y", real=True)
        super().__init__(x**2 / 2 + y**2 / 20, [x, y], name="a valley that widens uphill")
        aside, above = sp.Max(0, sp.Abs(x) - 160), y - 7260
        p, r, z = sp.Max(0, 14 * aside + 33 * above), sp.Max(0, 14 * above - 33 * aside), sp.Max(0, above)
        self.expression = x**2 / 2 + y**2 / 20 + 9 * z**2 / 20 - (p**2 + r**2) / 2968
        self.value_program = self._program(self.expression)
        # Where |x| ≤ 160 both terms of the first slope cancel.
        across = x - sp.sign(x) * (14 * p - 33 * r) / 1484
        self.gradient_program = self._stacked([across, y / 10 + 9 * z / 10 - (33 * p + 14 * r) / 1484])
        self.facts = Facts(
            beta=sp.S.One, minimum=sp.S.Zero, minimisers=((0, 0),), polyak_lojasiewicz=sp.Rational(1, 10)
        )
