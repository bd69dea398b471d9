"""Losses with free numbers: one program simulates as many members of a class as its inputs have entries.

Every number m_… lies in [0, 1], is a length, or is a direction; the program turns it into slopes and
eigenvalues between its bounds.  So each admissible number gives a member, for all α ≤ β, whether it was
drawn, rounded to a simple fraction, or moved by an optimizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sam_theory.arithmetic import CURVATURE, LENGTH, NUMBER, Dimension, Program, Traced
from sam_theory.losses._base import Facts, Loss, Trace

__all__ = ["MemberLoss", "curved_members", "nonconvex_members", "quadratic_members", "soft_absolute_members"]


class MemberLoss(Loss):
    """A loss whose parameters single out one member of a class; minimiser 0 and least value 0.

    Parameters
    ----------
    name : str
    value, gradient : Program
        Of the state ``w`` and the member's numbers.
    dimension : int
    lengths : tuple of str
        The inputs that are lengths; ``alpha`` and ``beta`` are curvatures and all others pure numbers.
    """

    def __init__(
        self, name: str, value: Program, gradient: Program, dimension: int, lengths: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self.dimension = dimension
        self.value_program = value
        self.gradient_program = gradient
        self.facts = Facts(minimum=0, minimisers=((0,) * dimension,))
        kinds: dict[str, Dimension] = {
            "alpha": CURVATURE,
            "beta": CURVATURE,
            **dict.fromkeys(lengths, LENGTH),
        }
        self.dimensions = {p: kinds.get(p, NUMBER) for p in self.parameters}


def _input(trace: Trace, name: str) -> Traced:
    return trace.lowering.input(name)


def _between(trace: Trace, fraction: str, convex: bool) -> Traced:
    """(1−t)α + tβ, or tβ with α = 0: exact at both ends, also in floats."""
    t, beta = _input(trace, fraction), _input(trace, "beta")
    return t * beta if convex else (1 - t) * _input(trace, "alpha") + t * beta


def _smaller(a: Traced, b: Traced) -> Traced:
    return a.emit("select", a, b, a, b, data=True)


def quadratic_members(fractions: Sequence[str | None], convex: bool = False) -> MemberLoss:
    r""":math:`\tfrac12\sum\lambda_iw_i^2` with λ_i between α (0 if ``convex``) and β; None means 0."""

    def images(trace: Trace) -> list[Traced]:
        w = [trace.component(i) for i in range(len(fractions))]
        return [0 * x if f is None else _between(trace, f, convex) * x for f, x in zip(fractions, w, strict=True)]

    trace = Trace()
    parts = images(trace)
    gradient = trace.finish(parts[0].emit("stack", *parts))
    trace = Trace()
    parts = images(trace)
    total: Any = sum(p * trace.component(i) for i, p in enumerate(parts) if fractions[i] is not None)
    name = f"{'convex ' if convex else ''}quadratic({', '.join(f or '0' for f in fractions)})"
    return MemberLoss(name, trace.finish(total / 2), gradient, len(fractions))


Piece = tuple[Traced | None, Traced]


def _side(x: Traced, pieces: Sequence[Piece]) -> tuple[Traced, Traced]:
    """Value and slope at x ≥ 0 of the loss whose gradient has the given slopes on pieces of given length."""
    value: Any = 0
    slope: Any = 0
    rest = x
    for length, rise in pieces:
        part = rest if length is None else _smaller(rest, length)
        value = value + part * (slope + rise * part / 2)
        slope = slope + rise * part
        rest = rest - part
    return value, slope


def _two_sided(name: str, pieces: dict[str, list[Piece]], trace: Trace) -> MemberLoss:
    w = trace.component(0)
    zero = trace.scalar(0)
    values, slopes = {}, {}
    for side, x in (("right", w), ("left", -w)):
        values[side], slopes[side] = _side(x.emit("select", zero, x, x, zero, data=True), pieces[side])
    gradient = slopes["right"] - slopes["left"]
    value = values["right"] + values["left"]
    lengths = tuple(f"m_{side}_length{i}" for side in pieces for i in (1, 2))
    return MemberLoss(name, trace.finish(value), trace.finish(gradient.emit("stack", gradient)), 1, lengths)


def curved_members(convex: bool = False) -> MemberLoss:
    """Piecewise quadratic in one dimension: three slopes of the gradient on each side."""
    trace = Trace()
    pieces: dict[str, list[Piece]] = {}
    for side in ("right", "left"):
        slopes = [_between(trace, f"m_{side}_slope{i}", convex) for i in (1, 2, 3)]
        lengths = [_input(trace, f"m_{side}_length{i}") for i in (1, 2)]
        pieces[side] = list(zip([*lengths, None], slopes, strict=True))
    return _two_sided(f"{'convex ' if convex else ''}piecewise-quadratic", pieces, trace)


def nonconvex_members() -> MemberLoss:
    r"""Piecewise quadratic in one dimension, concave in between, with PL constant at least α.

    On each side the gradient rises with slope m₀ ∈ [α, β] over a length, falls with slope −n, n ∈ [β/8, β],
    to γ times its maximum, and rises with slope m₂ ∈ [α, β].  On a piece of slope m the quantity 2mL − g² is
    constant, so that :math:`(g^2/2L)'=g(2mL-g^2)/(2L^2)` has one sign and g²/2L is least at a kink or in a
    limit: the PL constant is the least of m₀, m₂ and g²/2L at the end of the fall, and that is at least α iff
    γ² ≥ y = α(m₀+n)/(m₀(α+n)).  Three Heron steps from 1 bound √y from above by a rational, and γ is taken
    between it and 1.
    """
    trace = Trace()
    alpha, beta = _input(trace, "alpha"), _input(trace, "beta")
    pieces: dict[str, list[Piece]] = {}
    for side in ("right", "left"):
        rise, tail = (_between(trace, f"m_{side}_slope{i}", False) for i in (1, 3))
        fall = beta * (1 + 7 * _input(trace, f"m_{side}_slope2")) / 8
        y = alpha * (rise + fall) / (rise * (alpha + fall))
        root = (1 + y) / 2
        for _ in range(2):
            root = (root + y / root) / 2
        length = _input(trace, f"m_{side}_length1")
        drop = (1 - root) * _input(trace, f"m_{side}_depth")
        pieces[side] = [(length, rise), (rise * length * drop / fall, -fall), (None, tail)]
    return _two_sided("nonconvex piecewise-quadratic", pieces, trace)


def soft_absolute_members(dimension: int, terms: int = 3, convex: bool = False) -> MemberLoss:
    r"""α/2‖w‖² + (β−α) Σ_k D_k(b_k·w), where D_k is the Bregman distance of a smoothed absolute value.

    With :math:`\varphi(z)=\varepsilon\sqrt{z^2+\varepsilon^2}`, D(z) = φ(s+z) − φ(s) − φ'(s)z: A1's sum of
    smoothed absolute values with the minimiser moved to 0 and the least value subtracted, whatever the s_k.
    Written with r = √(s²+ε²), R = √((s+z)²+ε²) and q = ε² + rR − s(s+z), nothing cancels near w = 0:
    D = εz²q/(r(R+r)²), D' = εzq/(rR(R+r)).
    """

    axes = range(dimension)

    def parts(trace: Trace) -> list[tuple[Any, ...]]:
        # By components: a direction has no batch of its own when its numbers are single floats.
        found: list[tuple[Any, ...]] = []
        for k in range(1, terms + 1):
            b = [_input(trace, f"m_b{k}_{i + 1}") for i in axes]
            s, eps = _input(trace, f"m_offset{k}"), _input(trace, f"m_width{k}")
            z: Any = sum(b[i] * trace.component(i) for i in axes)
            r, moved = ((x**2 + eps**2).emit("sqrt", x**2 + eps**2) for x in (s, s + z))
            q = eps**2 + r * moved - s * (s + z)
            found.append((b, eps, z, r, moved, q))
        return found

    def scale(trace: Trace) -> Traced:
        beta = _input(trace, "beta")
        return beta if convex else beta - _input(trace, "alpha")

    trace = Trace()
    slopes = [(eps * z * q / (r * R * (R + r)), b) for b, eps, z, r, R, q in parts(trace)]
    entries: list[Traced] = [scale(trace) * sum(slope * b[i] for slope, b in slopes) for i in axes]
    if not convex:
        entries = [e + _input(trace, "alpha") * trace.component(i) for i, e in enumerate(entries)]
    gradient = trace.finish(entries[0].emit("stack", *entries))
    trace = Trace()
    value = scale(trace) * sum(eps * z**2 * q / (r * (R + r) ** 2) for _, eps, z, r, R, q in parts(trace))
    if not convex:
        value = value + _input(trace, "alpha") * trace.w.emit("dot", trace.w, trace.w) / 2
    name = f"{'convex ' if convex else ''}soft absolute values in dimension {dimension}"
    lengths = tuple(f"m_{kind}{k}" for kind in ("offset", "width") for k in range(1, terms + 1))
    return MemberLoss(name, trace.finish(value), gradient, dimension, lengths)
