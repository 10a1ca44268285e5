"""Libraries: made up for a test, or of a few of torchvision's blocks, once a session."""

from __future__ import annotations

import importlib.util
import itertools
import sys
import textwrap

import pytest

from lemur2.evaluation.library.building import LibraryBuilder, chosen
from lemur2.evaluation.library.validator import BlockValidator
from lemur2.retrieval import BlockDiscovery, BlockExtractor, FileIndexStore, RepoCache
from lemur2.retrieval.library.shelf import BlockLibrary

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


NAMES = (
    *("SqueezeExcitation", "StochasticDepth", "ShiftedWindowAttention", "Permute", "MLP"),
    *("torchvision.models.mobilenetv2.InvertedResidual", "Fire", "MLPBlock", "InceptionA"),
    *("torchvision.ops.misc.Conv2dNormActivation", "DropBlock2d", "BasicBlock", "EncoderBlock"),
    *("RoIAlign", "FrozenBatchNorm2d"),
)


@pytest.fixture(scope="session")
def index(tmp_path_factory):
    """The index of the installed torchvision."""
    folder = tmp_path_factory.mktemp("index")
    store = FileIndexStore(folder / "index.db")
    store.update(RepoCache(folder).add("dist:torchvision"))
    yield folder / "index.db"
    store.close()


@pytest.fixture(scope="session")
def validator(engine):
    return BlockValidator(engine)


@pytest.fixture(scope="session")
def library_file(index, validator, tmp_path_factory):
    """A library of `NAMES`."""
    path = tmp_path_factory.mktemp("library") / "library.db"
    store = FileIndexStore(index)
    blocks, missing = chosen(BlockDiscovery(store), NAMES)
    assert not missing
    with BlockLibrary(path, create=True) as library:
        for _ in LibraryBuilder(store, validator, library).build(blocks):
            pass
    store.close()
    return path


@pytest.fixture
def library(library_file):
    with BlockLibrary(library_file) as opened:
        yield opened
