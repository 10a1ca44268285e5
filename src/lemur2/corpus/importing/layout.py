"""The field's layout: which file of a source is what.

    nn/<name>.py                                            a network
    transform/<name>.py                                     a transform
    stat/train/<task>_<dataset>_<metric>_<name>/<epoch>.json   an epoch of several trainings
    stat/run/<task>_<name>/<device>.json                    inference on a device

below `ab/nn/` in a wheel or a checkout, or at the top.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from lemur2.corpus.importing.archives import Entry
from lemur2.errors import UserError
from lemur2.paths import is_name

_ROOTED = re.compile(r"(?P<root>(?:[^/]+/)?ab/nn/|)(?:nn/[^/]+\.py|stat/train/[^/]+/[^/]+)")
_DISTRIBUTION = re.compile(r"(?P<name>[^/-]+)-(?P<version>[^/-]+)\.dist-info/METADATA")
_INSIDE = {
    "network": re.compile(r"nn/(?P<name>[^/]+)\.py"),
    "transform": re.compile(r"transform/(?P<name>[^/]+)\.py"),
    "epoch": re.compile(r"stat/train/(?P<folder>[^/]+)/(?P<file>[^/]+)"),
    "device": re.compile(r"stat/run/(?P<folder>[^/]+)/(?P<file>[^/]+)"),
}


@dataclass(frozen=True)
class Layout:
    """What a source holds.

    Attributes:
        name, version: Of the corpus, as its wheel says; the source's own name and "" otherwise.
        networks, transforms: By name.
        epochs, devices: Files by folder, each by file name.
        other: How many files are none of these.
    """

    name: str
    version: str
    networks: dict[str, Entry] = field(default_factory=dict)
    transforms: dict[str, Entry] = field(default_factory=dict)
    epochs: dict[str, dict[str, Entry]] = field(default_factory=dict)
    devices: dict[str, dict[str, Entry]] = field(default_factory=dict)
    other: int = 0


def read_layout(entries: Iterable[Entry], place: str) -> Layout:
    """Sort the files of the source at `place`.

    Raises:
        UserError: There is no corpus in it.
    """
    entries = sorted(entries, key=lambda entry: entry.path)
    root = _root(entries)
    if root is None:
        raise UserError(
            f"{place} holds no corpus: there is neither nn/*.py nor stat/train/, "
            "at the top or below ab/nn/"
        )
    name, version = _distribution(entries) or (place.rstrip("/").rpartition("/")[2], "")
    name = name if is_name(name) else "unnamed"
    networks: dict[str, Entry] = {}
    transforms: dict[str, Entry] = {}
    epochs: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
    devices: defaultdict[str, dict[str, Entry]] = defaultdict(dict)
    other = 0
    for entry in entries:
        kind, match = _kind(entry.path, root)
        if kind == "network" and match["name"] != "__init__":
            networks[match["name"]] = entry
        elif kind == "transform" and match["name"] != "__init__":
            transforms[match["name"]] = entry
        elif kind == "epoch":
            epochs[match["folder"]][match["file"]] = entry
        elif kind == "device":
            devices[match["folder"]][match["file"]] = entry
        else:
            other += 1
    return Layout(name, version, networks, transforms, dict(epochs), dict(devices), other)


def _root(entries: Iterable[Entry]) -> str | None:
    found = {match["root"] for entry in entries if (match := _ROOTED.match(entry.path))}
    return min(found, key=len, default=None)


def _distribution(entries: Iterable[Entry]) -> tuple[str, str] | None:
    for entry in entries:
        match = _DISTRIBUTION.fullmatch(entry.path)
        if match and is_name(match["version"]):
            return match["name"].replace("_", "-"), match["version"]
    return None


def _kind(path: str, root: str) -> tuple[str, re.Match[str]] | tuple[None, dict[str, str]]:
    if path.startswith(root):
        for kind, pattern in _INSIDE.items():
            if match := pattern.fullmatch(path, len(root)):
                return kind, match
    return None, {}
