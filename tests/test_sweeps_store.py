"""Faults of the store: after each of them the result is that of an undisturbed run."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sam_theory.dynamics import Map
from sam_theory.errors import InputError
from sam_theory.losses import Product, log_cosh
from sam_theory.rules import sam
from sam_theory.sweeps import Progress, SweepResult, _store, sweep
from sam_theory.sweeps._store import Damaged, Store

ROOT = Path(__file__).parents[1]
OVER = {"eta": {"linspace": [0.1, 2.1, 9]}, "rho": [0.1, 0.2]}


def run(store: Path, **changes: Any) -> SweepResult:
    asked: dict[str, Any] = {"tile": 5, "scheduler": "serial", **changes}
    return sweep(Map(sam, Product(log_cosh)), OVER, [0.5, 3], 30, store=store, **asked)


def content(store: Path) -> dict[str, bytes]:
    (directory,) = store.iterdir()
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def computed(store: Path, **changes: Any) -> tuple[int, list[str]]:
    """How many tiles a run computes, and what it reports."""
    seen: list[Progress] = []
    said: list[str] = []
    run(store, progress=seen.append, report=said.append, **changes)
    return seen[-1].total - seen[-1].found, said


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    store = tmp_path_factory.mktemp("undisturbed")
    run(store)
    return content(store)


def test_the_store_holds_the_specification_and_a_file_for_each_tile(undisturbed: dict[str, bytes]) -> None:
    assert sorted(undisturbed) == ["spec.json", *(f"tile-{i:08d}" for i in range(4))]


@pytest.mark.parametrize("lost", [[0], [3], [1, 2], [0, 1, 2, 3]])
def test_resuming_computes_what_is_missing_and_nothing_else(
    lost: list[int], tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    key = run(tmp_path).key
    kept = {p: p.stat().st_mtime_ns for i in range(4) if i not in lost for p in [Store(tmp_path, key).path(i)]}
    for number in lost:
        Store(tmp_path, key).path(number).unlink()
    assert computed(tmp_path) == (len(lost), [])
    assert content(tmp_path) == undisturbed
    assert {p: p.stat().st_mtime_ns for p in kept} == kept


def test_the_order_in_which_tiles_are_computed_leaves_the_same_bytes(
    tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = sys.modules["sam_theory.sweeps._sweep"]

    def backwards(work: Callable[[int], Any], tasks: Any, *_: Any) -> Any:
        return ((index, work(tasks[index])) for index in reversed(range(len(tasks))))

    monkeypatch.setattr(module, "execute", backwards)
    run(tmp_path)
    assert content(tmp_path) == undisturbed


def _regions(data: bytes) -> dict[str, int]:
    body = 16 + int.from_bytes(data[8:16], "little")
    return {"magic": 3, "length": 9, "header": 40, "array": body + 1, "padding": body + 10, "checksum": len(data) - 5}


@pytest.mark.parametrize("region", ["magic", "length", "header", "array", "padding", "checksum"])
def test_a_flipped_bit_anywhere_is_noticed_and_the_tile_computed_again(
    region: str, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    file = Store(tmp_path, run(tmp_path).key).path(2)
    data = bytearray(file.read_bytes())
    data[_regions(bytes(data))[region]] ^= 0x10
    file.write_bytes(data)
    number, said = computed(tmp_path)
    assert number == 1 and len(said) == 1 and str(file) in said[0] and "damaged" in said[0]
    assert content(tmp_path) == undisturbed


@pytest.mark.parametrize("kept", [0, 7, 16, 100, -33, -1])
def test_a_truncated_tile_is_noticed_and_computed_again(
    kept: int, tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    file = Store(tmp_path, run(tmp_path).key).path(0)
    file.write_bytes(file.read_bytes()[:kept])
    number, said = computed(tmp_path)
    assert number == 1 and "damaged" in said[0]
    assert content(tmp_path) == undisturbed


def test_a_tile_at_the_place_of_another_or_of_another_sweep_is_noticed(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    store = Store(tmp_path, run(tmp_path).key)
    shutil.copy(store.path(1), store.path(2))
    assert computed(tmp_path)[0] == 1
    assert content(tmp_path) == undisturbed
    other = Store(tmp_path / "other", run(tmp_path / "other", settling="off").key)
    shutil.copy(other.path(1), store.path(1))
    with pytest.raises(Damaged, match="another place"):
        store.read(1)


def test_a_tile_that_is_damaged_after_the_run_is_no_result(tmp_path: Path) -> None:
    result = run(tmp_path)
    file = Store(tmp_path, result.key).path(2)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match="run the sweep again"):
        _ = result.arrays
    file.unlink()
    with pytest.raises(InputError, match="not there any more"):
        _ = result.arrays


def test_a_specification_that_was_changed_is_repaired(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    run(tmp_path)
    file = next(tmp_path.iterdir()) / "spec.json"
    file.write_text(file.read_text()[:-10])
    run(tmp_path)
    assert content(tmp_path) == undisturbed


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_refuses_is_said_and_leaves_nothing_half(
    failing: str, number: int, tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    true, calls = getattr(os, failing), 0

    def fails(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls >= 4:
            raise OSError(number, os.strerror(number))
        return true(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(_store.os, failing, fails)
        with pytest.raises(InputError, match=os.strerror(number)) as refused:
            run(tmp_path)
    assert "what stands there is whole" in str(refused.value)
    if number == errno.ENOSPC:
        assert "free some space" in str(refused.value)
    there = content(tmp_path)
    assert there and all(undisturbed[name] == data for name, data in there.items()), "whole files only"
    assert 0 < computed(tmp_path)[0] < 4
    assert content(tmp_path) == undisturbed


_MOUNTED = """
    import sys
    sys.path.insert(0, "tests")
    from pathlib import Path
    from test_sweeps_store import *

    store = Path(sys.argv[1])
    def mount(*options):
        subprocess.run(["mount", *options, str(store)], check=True)
"""


def in_a_namespace(code: str, store: Path) -> subprocess.CompletedProcess[str]:
    """Run code as the root of a namespace of its own, in which file systems can be mounted; skip where none can."""
    enter = ["unshare", "--user", "--map-root-user", "--mount"]
    try:
        probe = subprocess.run([*enter, "mount", "-t", "tmpfs", "none", str(store)], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare")
    if probe.returncode:
        pytest.skip("this system lets no one mount")
    words = [*enter, sys.executable, "-c", textwrap.dedent(_MOUNTED) + textwrap.dedent(code), str(store)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def test_a_really_full_disk_and_one_that_is_really_read_only(tmp_path: Path) -> None:
    code = """
        mount("-t", "tmpfs", "-o", "size=16k", "none")
        try:
            run(store)
        except InputError as error:
            assert "No space left on device" in str(error) and "free some space" in str(error), error
        else:
            raise AssertionError("it did not notice")
        kept = content(store)
        assert 1 <= len(kept) < 5 and not [name for name in kept if name.startswith(".")], list(kept)
        mount("-o", "remount,ro")
        try:
            run(store)
        except InputError as error:
            assert "cannot be written to and lacks" in str(error), error
        else:
            raise AssertionError("it did not notice")
        mount("-o", "remount,rw,size=1m")
        resumed = run(store)
        whole = run(Path(sys.argv[1]).parent / "elsewhere")
        assert content(store) == content(Path(sys.argv[1]).parent / "elsewhere")
        mount("-o", "remount,ro")
        assert computed(store) == (0, [])
        for name, values in run(store).arrays.items():
            assert values.tobytes() == whole.arrays[name].tobytes()
        try:
            run(store, settling="off")
        except InputError as error:
            assert "Read-only file system" in str(error), error
        else:
            raise AssertionError("it did not notice")
        print("full, read-only, resumed, read")
    """
    (tmp_path / "store").mkdir()
    done = in_a_namespace(code, tmp_path / "store")
    assert (done.returncode, done.stdout) == (0, "full, read-only, resumed, read\n"), done.stderr


def test_a_store_is_opened_without_the_map(tmp_path: Path) -> None:
    result = run(tmp_path)
    opened = SweepResult.open(tmp_path / result.key)
    assert opened.key == result.key and opened.text == result.text
    for name, values in result.arrays.items():
        assert opened.arrays[name].tobytes() == values.tobytes()
    (tmp_path / result.key / "tile-00000001").unlink()
    with pytest.raises(InputError, match="not there any more"):
        _ = SweepResult.open(tmp_path / result.key).summary
    (tmp_path / result.key / "spec.json").write_text("{}")
    with pytest.raises(InputError, match="not the specification of its key"):
        SweepResult.open(tmp_path / result.key)
    with pytest.raises(InputError, match="cannot be read"):
        SweepResult.open(tmp_path / "nothing")


def test_a_store_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be made"):
        run(tmp_path / "file")


def test_two_sweeps_at_once_write_the_same_store(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    results: list[SweepResult] = []
    threads = [threading.Thread(target=lambda: results.append(run(tmp_path))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert content(tmp_path) == undisturbed
    assert len({r.arrays["final"].tobytes() for r in results}) == 1


def test_a_draft_that_another_machine_took_for_an_orphan_is_written_again(
    tmp_path: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    true, stolen = os.replace, []

    def replace(source: Path, target: Path) -> None:
        if not stolen:
            stolen.append(source)
            os.unlink(source)
        true(source, target)

    monkeypatch.setattr(_store.os, "replace", replace)
    run(tmp_path)
    assert stolen and content(tmp_path) == undisturbed


def test_drafts_of_dead_processes_and_old_ones_are_removed_and_no_others(tmp_path: Path) -> None:
    directory = tmp_path / run(tmp_path).key
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        dead = process.pid
    names = {
        "dead": f".tile-00000001.{_store._host()}.{dead}.0123abcd.part",
        "living": f".tile-00000001.{_store._host()}.{os.getpid()}.0123abcd.part",
        "elsewhere": f".tile-00000001.another-host.{dead}.0123abcd.part",
        "old": f".tile-00000002.another-host.{dead}.0123abcd.part",
    }
    for name in names.values():
        (directory / name).write_bytes(b"half")
    long_ago = time.time() - 1e5
    os.utime(directory / names["old"], (long_ago, long_ago))
    run(tmp_path)
    left = {kind for kind, name in names.items() if (directory / name).exists()}
    assert left == {"living", "elsewhere"}


def test_tiles_do_not_hold_when_or_where_they_were_computed(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    run(tmp_path, scheduler="local:1")
    assert content(tmp_path) == undisturbed
    header, arrays = _store._unpacked(undisturbed["tile-00000003"])
    assert (header["first"], header["count"]) == (15, 3)
    assert sum(header["outcomes"]) == 3 and arrays["final"].shape == (3, 2)
    assert arrays["outcome"].dtype == np.int8
