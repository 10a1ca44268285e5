"""Scratch folders: how much is in them, and their removal, whatever is in them."""

import ctypes
import os
import platform
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lemur2.evaluation import Limits
from lemur2.sandbox import scratch

NOBODY = 65534
_SETRESUID = {"x86_64": 117, "aarch64": 147}.get(platform.machine(), 117)
LIMITS = Limits(scratch=1 << 20, files=100)


@pytest.fixture
def folder(tmp_path):
    kept = os.getcwd()
    made = tmp_path / "scratch"
    made.mkdir()
    os.chdir(made)
    yield made
    os.chdir(kept)


def nest(levels, name="d"):
    for _ in range(levels):
        os.mkdir(name)
        os.chdir(name)


def test_a_little_of_everything_is_within_the_limits(folder):
    (folder / "file").write_bytes(b"x" * 1000)
    (folder / "sparse").touch()
    os.truncate(folder / "sparse", 1 << 30)
    (folder / "up").symlink_to("..")
    nest(8)
    assert scratch.excess(folder, LIMITS) is None
    assert scratch.excess(folder / "not there", LIMITS) is None


def test_what_is_too_much_is_named(folder):
    (folder / "file").write_bytes(b"x" * (2 << 20))
    assert scratch.excess(folder, LIMITS) == "more than 1 MiB"
    (folder / "file").unlink()
    for number in range(101):
        (folder / str(number)).mkdir()
    assert scratch.excess(folder, Limits(files=100)) == "more than 100 files and folders"
    nest(40)
    assert "deep" in scratch.excess(folder, Limits())


def test_as_many_entries_as_are_allowed_are_not_too_many(folder):
    for number in range(100):
        (folder / str(number)).touch()
    assert scratch.excess(folder, LIMITS) is None
    (folder / "one more").touch()
    assert scratch.excess(folder, LIMITS) == "more than 100 files and folders"


def test_files_below_paths_that_are_too_long_are_found(folder):
    nest(30, "d" * 200)
    with open("large", "wb") as file:
        file.write(b"x" * (2 << 20))
    assert scratch.excess(folder, LIMITS) == "more than 1 MiB"


@pytest.mark.parametrize("mode", [0o300, 0o400, 0])
def test_what_cannot_be_looked_into_is_too_much_and_still_removed(folder, mode):
    folder.chmod(0o777)
    with ThreadPoolExecutor(1) as pool:
        found, left = pool.submit(_closed_folder, mode).result()
    assert "cannot be looked into" in found
    assert left == []


def _closed_folder(mode):
    """What an ordinary user finds of a folder with that mode, and what its removal leaves.

    Run in a thread, which has a user of its own as far as the kernel is concerned.
    """
    if os.geteuid() == 0:
        ctypes.CDLL(None).syscall(_SETRESUID, NOBODY, NOBODY, NOBODY)
    os.makedirs("inner/innermost")
    os.chmod("inner", mode)
    found = scratch.excess(Path("."), LIMITS)
    scratch.remove(Path("inner"))
    return found, os.listdir()


def test_removal_takes_whatever_is_there(folder):
    (folder / "file").write_text("1")
    (folder / "link").symlink_to("/etc")
    os.mkfifo(folder / "pipe")
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed").chmod(0)
    nest(3000)
    os.chdir(folder)
    nest(30, "e" * 200)
    scratch.remove(folder)
    assert not folder.exists()
    assert os.path.exists("/etc/passwd")
    scratch.remove(folder)  # gone already: nothing happens
