"""Certificates as data: exact rationals as texts, in lists and objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from flint import arb

from sam_theory.dynamics import Map
from sam_theory.engines._ball._box import Box, fraction_of
from sam_theory.losses import describe_loss
from sam_theory.rules import describe_rule

__all__ = ["box_data", "common", "leaves_data", "map_data", "plain_leaves", "point_data", "radius_data", "sides_data"]


def box_data(box: Box) -> dict[str, list[str]]:
    """A box: a pair of ends for each name."""
    return {n: [str(low), str(high)] for n, low, high in box.sides}


def sides_data(part: Box, whole: Box) -> list[list[str]]:
    """The ends of a part along the sides of the whole that are no points."""
    return [[str(end) for end in part[n]] for n in whole.wide]


def leaves_data(parts: Mapping[Box, str], whole: Box) -> list[dict[str, Any]]:
    """Parts of a box with what was shown on each, in a fixed order."""
    ordered = sorted(parts, key=lambda b: b.sides)
    return [{"sides": sides_data(b, whole), "shown": parts[b]} for b in ordered]


def plain_leaves(parts: Iterable[Box], whole: Box) -> list[list[list[str]]]:
    """Parts of a box on each of which the same was shown."""
    return [sides_data(b, whole) for b in sorted(parts, key=lambda b: b.sides)]


def point_data(coordinates: Sequence[Any]) -> list[str]:
    """Floats, fractions or the middles of balls, exactly."""
    return [str(fraction_of(c.mid()) if isinstance(c, arb) else Fraction(c)) for c in coordinates]


def radius_data(coordinates: Sequence[arb]) -> list[str]:
    """The radii of balls, exactly."""
    return [str(fraction_of(c.rad())) for c in coordinates]


def map_data(map: Map) -> dict[str, Any]:
    """A rule of the registry and its loss."""
    return {"rule": describe_rule(map.rule), "loss": describe_loss(map.loss)}


def common(kind: str, loss: str, box: Box, region: str) -> dict[str, Any]:
    """What every certificate of a statement says."""
    return {"kind": kind, "loss": loss, "box": box_data(box), "region": region}
