"""A small library of torchvision's blocks, extracted and validated once a session."""

import pytest

from lemur2.evaluation.blocks.building import LibraryBuilder, chosen
from lemur2.evaluation.blocks.validator import BlockValidator
from lemur2.retrieval.cache import RepoCache
from lemur2.retrieval.discovery import BlockDiscovery
from lemur2.retrieval.shelf import BlockLibrary
from lemur2.retrieval.store import FileIndexStore

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
    return BlockValidator(engine.sandbox)


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
