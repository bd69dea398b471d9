"""Certificates: what a verdict rests on, written so that `sam_theory.checker` can check it without the engines."""

from sam_theory.engines._certificates._write import certificate_of, file_name, save, write_certificate

__all__ = ["certificate_of", "file_name", "save", "write_certificate"]
