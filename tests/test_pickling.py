"""Maps travel to other processes: what arrives computes the same."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from sam_theory.dynamics import Map
from sam_theory.losses import Link, Product, log_cosh, named_losses
from sam_theory.rules import RULES, rule, sam


@rule
def half(space: Any, w: Any, *, eta: Any) -> Any:
    """A rule of this module."""
    return w - eta / 2 * space.grad(w)


def again(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("name", sorted(named_losses()))
def test_losses_keep_their_definition_and_programs(name: str) -> None:
    loss = named_losses()[name]
    copy = again(loss)
    assert copy.definition == loss.definition
    assert copy.gradient_program.text() == loss.gradient_program.text()


@pytest.mark.parametrize("name", sorted(RULES))
def test_rules_of_the_registry_keep_their_definition(name: str) -> None:
    assert again(RULES[name]).definition == RULES[name].definition


def test_options_that_were_changed_stay_changed() -> None:
    for variant in (sam.free("eps"), sam.fix(normalisation="max"), half, half.fix()):
        assert again(variant) == variant


def test_links_of_the_library_are_the_same_object_and_own_ones_the_same_function() -> None:
    known = Product(log_cosh)
    assert again(known).link is known.link
    own = Product(Link("quartic", "z**4", even=True))
    assert again(own).definition == own.definition


def test_a_map_that_has_run_leaves_its_code_behind() -> None:
    map = Map(sam, named_losses()["quadratic-2d"])
    assert map.flat
    copy = again(map)
    assert copy.flat == map.flat
