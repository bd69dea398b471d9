"""Results as xarray data sets and netCDF files."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.errors import InputError
from sam_theory.sweeps._store import Arrays, draft
from sam_theory.sweeps._tiles import OUTCOMES

if TYPE_CHECKING:
    import xarray

    from sam_theory.sweeps._result import SweepResult

__all__ = ["dataset_of", "load", "save"]

_MOST = 2**32 - 8
"""Bytes that a variable of a netCDF 3 file can have."""
_LONG = {
    "step": "step from which the outcome held",
    "settled": "step at which the trajectory was stopped because it recurs; -1 if it was not",
    "final": "last finite state",
}


def _xarray() -> ModuleType:
    try:
        import xarray
    except ImportError:
        raise InputError("data sets need xarray; install it with: pip install 'sam-theory[sweeps]'") from None
    return xarray


def dataset_of(result: SweepResult) -> xarray.Dataset:
    """The result with its axes as dimensions."""
    document, arrays = result.specification, result.arrays
    dims = tuple(a["name"] for a in document["axes"])
    variables: dict[str, Any] = {}
    for name, values in arrays.items():
        about: dict[str, Any] = {"long_name": _LONG[name]} if name in _LONG else {}
        if name == "outcome":
            codes = np.arange(len(OUTCOMES), dtype=np.int8)
            about = {"flag_values": codes, "flag_meanings": " ".join(OUTCOMES)}
        variables[name] = ((*dims, "coordinate") if values.ndim > len(dims) else dims, values, about)
    coordinates: dict[str, Any] = {n: float.fromhex(v) for n, v in document["parameters"].items()}
    coordinates["coordinate"] = np.array(document["coordinates"])
    for name, values in result.axes.items():
        coordinates[name] = values if values.ndim == 1 else np.arange(len(values), dtype=np.int32)
        if values.ndim > 1:
            variables["starts"] = ((name, "coordinate"), values, {"long_name": "where the trajectories begin"})
    attributes = {
        "title": f"{document['rule']['name']} on {document['loss']['name']}, {document['steps']} steps",
        "sam_theory": document["sam_theory"],
        "backend": document["backend"],
        "key": result.key,
        "specification": result.text,
    }
    return _xarray().Dataset(variables, coordinates, attributes)


def save(dataset: xarray.Dataset, path: Path) -> None:
    """Write a netCDF 3 file, whole or not at all."""
    for name, variable in dataset.variables.items():
        if variable.nbytes > _MOST:
            raise InputError(
                f"{name} has more than 4 GiB, which a netCDF 3 file cannot hold; take tiles() of the store"
            )
    encoding = {name: {"_FillValue": None} for name, v in dataset.variables.items() if v.dtype.kind == "f"}
    part = draft(path)
    try:
        try:
            dataset.to_netcdf(part, engine="scipy", format="NETCDF3_64BIT", encoding=encoding)
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink()
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from None


def load(path: Path) -> tuple[str, str, None, Arrays]:
    """Specification, key and arrays of a file that :func:`save` wrote."""
    xarray = _xarray()
    try:
        dataset = xarray.load_dataset(path, engine="scipy")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except Exception as error:  # what a damaged file makes of its reader
        raise InputError(f"{path} is no netCDF file of a sweep, or is damaged ({type(error).__name__})") from None
    text, key = str(dataset.attrs.get("specification", "")), str(dataset.attrs.get("key", ""))
    if hashlib.sha256(text.encode()).hexdigest() != key:
        raise InputError(f"{path} holds no sweep, or its specification was changed")
    shape = tuple(len(a["values"]) for a in json.loads(text)["axes"])
    arrays: Arrays = {}
    for name, variable in dataset.data_vars.items():
        values = np.asarray(variable.values)
        if name != "starts":
            if values.shape[: len(shape)] != shape:
                raise InputError(f"{path}: {name} does not have the shape of the sweep")
            arrays[str(name)] = values.astype(values.dtype.newbyteorder("="), copy=False)
    return text, key, None, arrays
