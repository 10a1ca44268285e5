"""What a worker may read: the interpreter and the allowed packages, never a data file."""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from lemur2.evaluation.sandbox import landlock
from lemur2.evaluation.sandbox.landlock import Rule

# Distributions that candidates may import, where installed, with all that they require.
PACKAGES = (
    *("torch", "torchvision", "numpy", "pillow", "einops", "timm", "transformers"),
    "protobuf",  # what whole models of transformers reach imports it
)

# Never readable, though they lie inside what is: data sets and the text they are made of.
WITHHELD = ("site-packages", "dist-packages", "pydoc_data", "sklearn", "mlxtend")

_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/dev/zero",
)
_GPU_DEVICES = ("/dev/nvidia*", "/dev/dri", "/dev/kfd")


def rules(*, gpu: bool = False) -> list[Rule]:
    """The rules shared by all workers, as open descriptors; each worker adds its own scratch."""
    readable = sorted({*_standard_library(), *_packages(), *_shared_libraries(), *_SYSTEM_FILES})
    found = [landlock.open_rule(path, landlock.READ) for path in readable]
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


def _packages() -> Iterator[str]:
    seen: set[str] = set()
    waiting = list(PACKAGES)
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
    return {str(distribution.locate_file(part)) for part in owned if part not in ("..", "bin")}


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
