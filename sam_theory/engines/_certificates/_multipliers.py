"""The boundary to the search for multipliers."""

from __future__ import annotations

from typing import Any


def multipliers(system: list[dict[str, Any]]) -> Any:
    """A refutation of the system; None where none was found."""
    constant = len(system) - 1
    if not system[-1]["poly"] and system[-1]["op"] in (">", "!="):
        return {"combine": [{"coefficient": "1", "factors": [constant]}]}
    return None
