"""√(1+z²), its derivative z/√(1+z²), and 1/√q without the divider.

A square root and a division take longer than all else in a step of SAM on √(1+x²y²).  1/√q needs neither: half the
exponent is taken in the bits of q, a polynomial and a step of second order in e = 1 − q·y² do the rest.
Coefficients: ``benchmarks/coefficients.py``.
"""

from __future__ import annotations

from sam_theory.kernels._lanes import Lanes, Value

_HALF_EXPONENTS = 0x5FE6EB50C7B537A9
"""Less half the bits of q: 1/√q within 3.5%, the best constant for it; then −0.07 ≤ e ≤ 0.0676."""
_ROOT = (0.49999978922995675, 0.3759720536149875, 0.31297162328718453)


def _approximation(lanes: Lanes, q: Value) -> tuple[Value, Value]:
    """(y, d) with 1/√q = y·(1 + d) to 2^-56 and |d| < 2e-6."""

    def error(y: Value) -> Value:
        return lanes.fma(lanes.neg(lanes.mul(q, y)), y, lanes.number(1.0))

    half = lanes.logical_right(lanes.bits(q), 1)
    y = lanes.from_bits(lanes.minus(lanes.whole(_HALF_EXPONENTS), half))
    e = error(y)
    y = lanes.fma(lanes.mul(y, e), lanes.polynomial(e, _ROOT), y)
    e = error(y)
    return y, lanes.mul(e, lanes.polynomial(e, (0.5, 0.375)))


def reciprocal_root(lanes: Lanes, q: Value) -> Value:
    """1/√q for a normal q > 0, within 1.5 units in the last place; meaningless for any other q."""
    y, d = _approximation(lanes, q)
    return lanes.fma(y, d, y)


def sqrt1p(lanes: Lanes, z: Value) -> Value:
    """√(1+z²), which is |z| to the last bit where the square is large."""
    size = lanes.abs(z)
    root = lanes.sqrt(lanes.fma(z, z, lanes.number(1.0)))
    return lanes.select(lanes.less(lanes.number(2.0**100), size), size, root)


def sqrt1p_slope(lanes: Lanes, z: Value) -> Value:
    """z/√(1+z²), which is ±1 to the last bit where the square is large."""
    z = lanes.at_least(lanes.at_most(z, 2.0**60), -(2.0**60))
    y, d = _approximation(lanes, lanes.fma(z, z, lanes.number(1.0)))
    product = lanes.mul(z, y)
    return lanes.fma(product, d, product)
