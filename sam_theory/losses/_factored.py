"""Losses of factored parameters: matrix products f(XYᵀ) and diagonal linear networks."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import sympy as sp

from sam_theory.arithmetic import Factored
from sam_theory.errors import InputError
from sam_theory.losses._base import Facts
from sam_theory.losses._concrete import Expression, exact
from sam_theory.losses._links import Link


class MatrixProduct(Expression):
    r""":math:`L(X,Y)=\sum_{ij}\ell((XY^\top)_{ij}-C_{ij})`, X of ``rows`` × ``rank`` and Y of ``columns`` × ``rank``.

    The state lists X, then Y, each by rows.  With an opaque link, what is proved of one step in terms of
    :math:`G=\nabla f(XY^\top)` and of its value at the ascent point holds for f(XYᵀ) with **every**
    differentiable f: where the entries of the two products are distinct, one ℓ takes any two values of G there
    (and the other states are limits of such ones).

    Parameters
    ----------
    link : Link
        ℓ, concrete or opaque.
    rows, columns, rank : int
        The sizes, at least 1.
    target : sequence of rows, optional
        C, exact; default 0.

    Raises
    ------
    InputError
        For sizes below 1, a target of another size, or floats.
    """

    def __init__(
        self,
        link: Link,
        rows: int = 2,
        columns: int = 2,
        rank: int = 1,
        target: Sequence[Sequence[Any]] | None = None,
    ) -> None:
        if min(rows, columns, rank) < 1:
            raise InputError(f"a matrix product has sizes of at least 1, not {rows} x {rank} and {columns} x {rank}")
        goal = (
            sp.zeros(rows, columns) if target is None else sp.Matrix([[exact(c, "target") for c in r] for r in target])
        )
        if goal.shape != (rows, columns):
            raise InputError(f"the target of a matrix product must be {rows} x {columns}, not {goal.shape}")
        self.link, self.rows, self.columns, self.rank, self.target = link, rows, columns, rank, goal
        names = [f"{v}{i + 1}{j + 1 if rank > 1 else ''}" for v, n in (("x", rows), ("y", columns))
                 for i in range(n) for j in range(rank)]  # fmt: skip
        state = [sp.Symbol(n, real=True) for n in names]
        x = sp.Matrix(rows, rank, state[: rows * rank])
        y = sp.Matrix(columns, rank, state[rows * rank :])
        shifted = x * y.T - goal
        size = f"{rows}x{columns}" + (f", rank {rank}" if rank > 1 else "")
        name = f"{link.name}(XY^T{'' if goal.is_zero_matrix else f' - {goal.tolist()}'}), {size}"
        super().__init__(sum((link.function(0)(e) for e in shifted), sp.S.Zero), state, name=name)
        if not link.opaque and all(c.is_Rational for c in goal):
            entries = tuple(Fraction(int(c.p), int(c.q)) for c in goal)
            self.factored = Factored(rows, columns, rank, link.program(1), entries)

    def with_link(self, link: Link) -> MatrixProduct:
        """The same product with another ℓ."""
        return MatrixProduct(link, self.rows, self.columns, self.rank, self.target.tolist())


class DiagonalNetwork(Expression):
    r""":math:`L(u,v)=\|A(u\odot u-v\odot v)-b\|^2/(4n)`, a diagonal linear network on n samples.

    The state lists u, then v.  Symbols in the data become parameters of the loss.

    Parameters
    ----------
    data : sequence of rows
        A, one row for each sample; exact.
    labels : sequence
        b, one number for each sample; exact.

    Raises
    ------
    InputError
        For floats, no data, or sizes that do not fit.
    """

    def __init__(self, data: Sequence[Sequence[Any]], labels: Sequence[Any]) -> None:
        a = sp.Matrix([[exact(e, "data") for e in row] for row in data])
        b = sp.Matrix([exact(e, "label") for e in labels])
        if not a.rows or not a.cols or a.rows != b.rows:
            raise InputError(f"a diagonal network needs one label for each sample, not {b.rows} for {a.rows}")
        self.data, self.labels, self.features = a, b, a.cols
        state = [sp.Symbol(f"{v}{i + 1}", real=True) for v in "uv" for i in range(a.cols)]
        taken = {s.name for s in (a.free_symbols | b.free_symbols)} & {s.name for s in state}
        if taken:
            raise InputError(f"the data of a diagonal network use the name of a coordinate, {min(taken)}; rename it")
        u, v = sp.Matrix(state[: a.cols]), sp.Matrix(state[a.cols :])
        residual = a * (u.multiply_elementwise(u) - v.multiply_elementwise(v)) - b
        name = f"diagonal network, A = {a.tolist()}, b = {list(b)}"
        total = sum((r**2 for r in residual), sp.S.Zero) / (4 * a.rows)
        super().__init__(total, state, name=name, facts=Facts(minimum=0) if a.rank() == a.rows else None)
