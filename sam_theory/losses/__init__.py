"""Losses, links and function classes."""

from sam_theory.losses._base import Facts, Loss
from sam_theory.losses._classes import (
    ConvexSmooth,
    Fact,
    FunctionClass,
    PolyakLojasiewicz,
    ScaleInvariant,
    StronglyConvex,
    cauchy_schwarz,
    cauchy_schwarz_linear,
)
from sam_theory.losses._concrete import Expression, Product, Quadratic, RayleighQuotient
from sam_theory.losses._describe import describe_loss, loss_of
from sam_theory.losses._factored import DiagonalNetwork, MatrixProduct
from sam_theory.losses._factors import FactorProduct
from sam_theory.losses._families import Family
from sam_theory.losses._lemmas import LEMMA_SOURCES, LEMMAS, Constants
from sam_theory.losses._links import LINKS, Link, any_link, even_link, link_curvature, log_cosh, shifted_square, sqrt1p
from sam_theory.losses._named import named_losses
from sam_theory.losses._ridges import Ridges, WideningValley
from sam_theory.losses._spectral import SpectralQuadratic
from sam_theory.losses._sums import FiniteSum

__all__ = [
    "LEMMAS",
    "LEMMA_SOURCES",
    "LINKS",
    "Constants",
    "ConvexSmooth",
    "DiagonalNetwork",
    "Expression",
    "Fact",
    "FactorProduct",
    "Facts",
    "Family",
    "FiniteSum",
    "FunctionClass",
    "Link",
    "Loss",
    "MatrixProduct",
    "PolyakLojasiewicz",
    "Product",
    "Quadratic",
    "RayleighQuotient",
    "Ridges",
    "WideningValley",
    "ScaleInvariant",
    "SpectralQuadratic",
    "StronglyConvex",
    "any_link",
    "cauchy_schwarz",
    "cauchy_schwarz_linear",
    "describe_loss",
    "even_link",
    "link_curvature",
    "log_cosh",
    "loss_of",
    "named_losses",
    "shifted_square",
    "sqrt1p",
]
