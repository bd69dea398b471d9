"""Losses, links and function classes."""

from sam_theory.losses._base import Facts, Loss
from sam_theory.losses._concrete import Expression, Product, Quadratic, RayleighQuotient
from sam_theory.losses._links import (
    LINKS,
    Link,
    any_link,
    even_link,
    link_curvature,
    log_cosh,
    shifted_square,
    sqrt1p,
)
