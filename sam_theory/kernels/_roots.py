"""√(1+z²) and its derivative z/√(1+z²)."""

from __future__ import annotations

from sam_theory.kernels._lanes import Lanes, Value


def sqrt1p(lanes: Lanes, z: Value) -> Value:
    """√(1+z²), which is |z| to the last bit where the square is large."""
    size = lanes.abs(z)
    root = lanes.sqrt(lanes.fma(z, z, lanes.number(1.0)))
    return lanes.select(lanes.less(lanes.number(2.0**100), size), size, root)


def sqrt1p_slope(lanes: Lanes, z: Value) -> Value:
    """z/√(1+z²), which is ±1 to the last bit where the square is large."""
    z = lanes.at_least(lanes.at_most(z, 2.0**60), -(2.0**60))
    return lanes.div(z, lanes.sqrt(lanes.fma(z, z, lanes.number(1.0))))
