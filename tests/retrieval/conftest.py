"""A library made up for a test, indexed, and what is taken from it, imported."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap

import pytest

from lemur2.retrieval import BlockDiscovery, BlockExtractor, FileIndexStore, RepoCache

_numbers = itertools.count()


class Made:
    """An index of one made-up library."""

    def __init__(self, root, files):
        self.root = root / "madelib"
        self.write(files)
        self.cache = RepoCache(root / "cache")
        self.store = FileIndexStore(root / "index.db", workers=1)
        self.update = self.index()

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            for folder in [path.parent, *path.parent.parents]:
                if folder == self.root:
                    break
                (folder / "__init__.py").touch()
            if isinstance(text, bytes):
                path.write_bytes(text)
            else:
                path.write_text(textwrap.dedent(text), encoding="utf-8")

    def index(self):
        return self.store.update(self.cache.add(str(self.root)))

    def extract(self, name):
        return BlockExtractor(self.store).extract(name)

    def blocks(self):
        return {block.name: block for block in BlockDiscovery(self.store).blocks()}

    def run(self, name):
        """The module made of one definition, imported, and the definition itself."""
        extracted = self.extract(name)
        module = load(extracted.source, self.root)
        return module, getattr(module, extracted.class_name)


def load(source, folder):
    name = f"taken_{next(_numbers)}"
    path = folder.parent / f"{name}.py"
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def made(tmp_path):
    return lambda files: Made(tmp_path, files)
