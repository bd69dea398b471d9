"""Results as files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sam_theory.errors import InputError

__all__ = ["load_json", "save_json"]


def save_json(path: str | Path, document: dict[str, Any]) -> None:
    """Write plain data as JSON; floats keep all their digits.

    Raises InputError if it cannot be written.
    """
    target = Path(path)
    draft = target.with_name(f".{target.name}.part")
    try:
        draft.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(draft, target)
    except OSError as error:
        raise InputError(f"cannot write {target}: {error.strerror or error}") from error


def load_json(path: str | Path, kind: str) -> dict[str, Any]:
    """Read what :func:`save_json` wrote with ``"kind": kind``.

    Raises InputError for a file that cannot be read, is truncated, or holds something else.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a whole JSON file ({error}); make it again") from error
    if not isinstance(document, dict) or document.get("kind") != kind:
        raise InputError(f"{path} holds no {kind}")
    return document
