"""Extracted classes compute what their originals compute."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lemur2.evaluation.library.building import LibraryBuilder
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.sources.cache import RepoCache


def compare(library, count):
    """What differs, by block; None where nothing does. Libraries are imported, so not here."""
    script = Path(__file__).with_name("fidelity.py")
    command = [sys.executable, str(script), str(library), str(count), "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["block"]: row["difference"] for row in rows}


def test_a_sample(library_file):
    found = compare(library_file, 20)
    assert len(found) >= 10
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.slow
def test_two_hundred_blocks_of_three_libraries(validator, tmp_path):
    pytest.importorskip("timm")
    pytest.importorskip("transformers")
    import random

    store = FileIndexStore(tmp_path / "index.db")
    cache = RepoCache(tmp_path)
    with BlockLibrary(tmp_path / "library.db", create=True) as library:
        builder = LibraryBuilder(store, validator, library)
        for origin, count in (("torchvision", 120), ("timm", 150), ("transformers", 150)):
            store.update(cache.add(f"dist:{origin}"))
            blocks = BlockDiscovery(store).blocks(origin)
            for _ in builder.build(random.Random(0).sample(blocks, min(count, len(blocks)))):
                pass
    store.close()
    found = compare(tmp_path / "library.db", 100)
    assert len(found) >= 200
    assert {name: what for name, what in found.items() if what} == {}
