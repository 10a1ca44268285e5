"""Sources from outside: bounded, whole or not there, and nothing outside of them is read."""

import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from lemur2.errors import UsageError, UserError
from lemur2.retrieval import RepoCache
from lemur2.retrieval.sources import fetching
from lemur2.retrieval.sources.fetching import Bounds
from lemur2.retrieval.sources.listing import list_files

METADATA = "Metadata-Version: 2.1\nName: made\nVersion: 1.2\n"
GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]
SMALL = Bounds(files=20, total=1 << 20, single=1 << 19)


def wheel(path: Path, files: dict[str, bytes], metadata: str = METADATA) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**files, "made-1.2.dist-info/METADATA": metadata.encode()}.items():
            archive.writestr(name, content)
    return path


def repository(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run([*GIT, "-C", str(folder), *command], check=True)
    return folder


def paths(cache: Path, spec: str) -> list[str]:
    return [file.path for file in list_files(RepoCache(cache).add(spec))]


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": b"#" * (1 << 20)},
        {f"{n}.py": b"#" * (400 << 10) for n in range(3)},
        {f"{n}.py": b"" for n in range(30)},
    ],
)
def test_a_wheel_that_unpacks_to_more_than_is_taken(tmp_path, monkeypatch, files):
    monkeypatch.setattr(fetching.unpack, "__defaults__", (SMALL,))
    with pytest.raises(UserError, match=r"unpacks to .* files of .* MB"):
        RepoCache(tmp_path / "cache").add(str(wheel(tmp_path / "made.whl", files)))
    assert not list((tmp_path / "cache").rglob("*.py"))


@pytest.mark.parametrize("name", ["../up.py", "/top.py", "a/../../up.py"])
def test_a_wheel_that_names_places_outside(tmp_path, name):
    with pytest.raises(UserError, match="names a place outside itself"):
        RepoCache(tmp_path / "cache").add(str(wheel(tmp_path / "made.whl", {name: b""})))
    assert not list(tmp_path.rglob("*.py"))


def test_a_damaged_wheel(tmp_path):
    path = wheel(tmp_path / "made.whl", {"a.py": b"abc" * 1000})
    data = bytearray(path.read_bytes())
    data[40:60] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(UserError, match="not a wheel, or damaged"):
        RepoCache(tmp_path / "cache").add(str(path))


@pytest.mark.parametrize("metadata", ["", "Name: \xff\n", "Version: 1\n"])
def test_metadata_of_any_content(tmp_path, metadata):
    path = wheel(tmp_path / "made.whl", {"a.py": b""}, metadata)
    cache = RepoCache(tmp_path / "cache")
    if metadata.startswith("Name"):
        assert cache.add(str(path)).version == "unknown"
    else:
        with pytest.raises(UserError, match="has no metadata"):
            cache.add(str(path))


def test_what_a_killed_process_left_is_not_complete(tmp_path):
    """One is killed in the middle of unpacking; the next has all files."""
    path = wheel(tmp_path / "made.whl", {f"{n}.py": b"x = 1\n" for n in range(50)})
    code = (
        "import os, signal, zipfile\n"
        "from lemur2.retrieval import RepoCache\n"
        "from pathlib import Path\n"
        "extract = zipfile.ZipFile.extract\n"
        "def some(self, info, folder):\n"
        "    if info.filename == '25.py': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return extract(self, info, folder)\n"
        "zipfile.ZipFile.extract = some\n"
        f"RepoCache(Path({str(tmp_path / 'cache')!r})).add({str(path)!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(paths(tmp_path / "cache", str(path))) == 50


def test_a_clone_killed_half_way(tmp_path):
    """As git leaves it: a folder with `.git`, and only some of the files."""
    source = repository(tmp_path / "source", {"a.py": b"x = 1\n", "b.py": b"y = 2\n"})
    spec = f"file://{source}"
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    git.write_text(
        '#!/bin/sh\nfor last; do :; done\nmkdir -p "$last/.git"\n'
        'touch "$last/a.py"\nkill -9 $PPID\n'
    )
    git.chmod(0o755)
    code = (
        "from lemur2.retrieval import RepoCache\n"
        "from pathlib import Path\n"
        f"RepoCache(Path({str(tmp_path / 'cache')!r})).add({spec!r})\n"
    )
    where = {**os.environ, "PATH": f"{git.parent}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-c", code], check=False, env=where)
    assert done.returncode == -signal.SIGKILL
    assert paths(tmp_path / "cache", spec) == ["a.py", "b.py"]


def test_a_repository_that_grows_beyond_the_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching.fetch, "__defaults__", (SMALL,))
    source = repository(tmp_path / "source", {"a.py": b"#" * (2 << 20)})
    with pytest.raises(UserError, match=r"unpacks to .* files of .* MB"):
        RepoCache(tmp_path / "cache").add(f"file://{source}")
    assert not list((tmp_path / "cache").rglob("*.py"))


@pytest.mark.parametrize("folder", [".", ".git/objects/pack", "deep/er"])
@pytest.mark.parametrize(("files", "size"), [(1, 2 << 20), (3, 400 << 10), (30, 0)])
def test_whatever_is_fetched_counts_wherever_it_is(tmp_path, folder, files, size):
    """One that is too large, some that are too large together, too many; history, too."""
    place = tmp_path / "in"
    place.mkdir()
    code = (
        f"import os; os.makedirs({folder!r}, exist_ok=True); os.chdir({folder!r})\n"
        f"for n in range({files}): open(str(n), 'wb').write(bytes({size}))"
    )
    command = [sys.executable, "-c", f"import os; os.chdir({str(place)!r}); {code}"]
    with pytest.raises(UserError, match=r"it unpacks to .* files of .* MB"):
        fetching.fetch(command, "it", place, SMALL)


def test_links_out_of_a_repository_are_not_followed(tmp_path):
    (tmp_path / "secret.py").write_text("password = 1\n")
    (tmp_path / "LICENSE").write_text("Permission is hereby granted, free of charge\n")
    source = tmp_path / "source"
    source.mkdir()
    (source / "linked.py").symlink_to(tmp_path / "secret.py")
    (source / "within.py").symlink_to("a.py")
    (source / "circle.py").symlink_to("circle.py")
    (source / "folder").symlink_to(tmp_path)
    (source / "LICENSE").symlink_to(tmp_path / "LICENSE")
    repository(source, {"a.py": b"x = 1\n"})
    for number, spec in enumerate((f"file://{source}", str(source))):
        cache = tmp_path / f"cache{number}"
        cache.mkdir()
        assert paths(cache, spec) == ["a.py", "within.py"]
        assert RepoCache(cache).add(spec).licence == "unknown"


def test_a_fetch_that_takes_too_long_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "TIMEOUT", 0.0)
    (tmp_path / "in").mkdir()
    command = [sys.executable, "-c", "import time; time.sleep(5)"]
    with pytest.raises(UserError, match="it did not arrive within 0 s"):
        fetching.fetch(command, "it", tmp_path / "in")


def test_a_fetch_that_is_interrupted_leaves_no_process(tmp_path, monkeypatch):
    mark = tmp_path / "pid"
    script = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"

    def interrupt(process, what, folder, bounds):
        while not mark.exists() or not mark.read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    (tmp_path / "in").mkdir()
    monkeypatch.setattr(fetching, "_watch", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetching.fetch([sys.executable, "-c", script], "it", tmp_path / "in")
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


@pytest.mark.parametrize("name", ["-r/etc/passwd", "--index-url=http://x", "../a", ""])
def test_what_is_no_distribution(tmp_path, name):
    with pytest.raises(UsageError, match="is no distribution"):
        RepoCache(tmp_path).add(f"pip:{name}")
