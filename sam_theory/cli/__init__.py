"""The command line, ``sam-theory``."""

from sam_theory.cli._main import main

__all__ = ["main"]
