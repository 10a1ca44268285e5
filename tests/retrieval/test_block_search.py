"""The library's file, its digest, and the search over it."""

import dataclasses

import pytest

from lemur2.errors import UsageError, UserError
from lemur2.retrieval.library.search import (
    embeddings_installed,
    exemplar_text,
    exemplars,
    search,
    token_count,
)
from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.retrieval.library.words import identifiers
from lemur2.retrieval.values import Block, Extracted, Parameter


def made(name, source="x = 1\n", docstring="", category="utility"):
    block = Block(
        name=name,
        qualified_name=f"package.{name}",
        origin="package",
        version="1",
        licence="MIT",
        module="package",
        path="package.py",
        line=1,
        end_line=2,
        category=category,
        docstring=docstring,
        bases=(),
        parameters=(Parameter(name="dim", annotation="int", default=None),),
        forward_parameters=(),
    )
    extracted = Extracted(
        source=source,
        name=name,
        qualified_name=block.qualified_name,
        origin="package",
        version="1",
        licence="MIT",
        class_name=name,
        definitions=(),
    )
    return block, extracted


FULL = Validation(
    stage=Stage.BACKWARD,
    arguments={"dim": "64"},
    inputs={"x": "torch.randn(B, 64)"},
    shapes={"x": (2, 64)},
    kinds={"x": "float32"},
    outputs=((2, 64),),
    returns="Tensor",
    parameters=5,
    flops=7,
    batched=True,
    seconds=0.5,
)


@pytest.fixture
def shelf(tmp_path):
    with BlockLibrary(tmp_path / "library.db", create=True) as opened:
        yield opened


def test_what_is_added_is_found_again(shelf):
    entry = shelf.add(*made("DropPath"), FULL)
    assert entry.validation == FULL
    assert entry.signature == "DropPath(dim: int)"
    assert shelf.find("package.DropPath") == entry == shelf.get(entry.id)
    assert shelf.named("DropPath") == [entry]


def test_adding_the_same_changes_nothing(shelf):
    first = shelf.add(*made("A"), FULL)
    digest = shelf.digest(shelf.last)
    again = shelf.add(*made("A"), dataclasses.replace(FULL, seconds=9.0))
    assert (again, shelf.digest(shelf.last)) == (first, digest)


def test_a_digest_covers_the_blocks_up_to_a_number(shelf):
    shelf.add(*made("A"), FULL)
    last, digest = shelf.last, shelf.digest(shelf.last)
    shelf.add(*made("B"), FULL)
    assert shelf.digest(last) == digest != shelf.digest(shelf.last)
    shelf.add(*made("A", source="x = 2\n"), FULL)
    assert shelf.digest(last) != digest
    assert [e.name for e in shelf.entries()] == ["B", "A"]


def test_a_replaced_block_is_searched_by_its_new_text(shelf):
    shelf.add(*made("A", source="oldword = 1\n"), FULL)
    shelf.add(*made("A", source="newword = 1\n"), FULL)
    assert search(shelf, "oldword", meaning=False) == []
    assert [h.entry.name for h in search(shelf, "newword", meaning=False)] == ["A"]


def test_refused_blocks_are_kept_with_their_reason(shelf):
    block, _ = made("Lost")
    shelf.add(block, None, Validation(stage=Stage.REFUSED, reason="nobody knows"))
    (entry,) = shelf.entries()
    assert (entry.source, entry.validation.reason) == ("", "nobody knows")
    assert list(shelf.entries(at_least=Stage.EXTRACTED)) == []


def test_a_file_that_is_no_library(tmp_path):
    (tmp_path / "x.db").write_text("not a database at all, but long enough to look at" * 30)
    with pytest.raises(UserError, match="cannot use"):
        BlockLibrary(tmp_path / "x.db")
    with pytest.raises(UserError, match="lemur2 blocks extract"):
        BlockLibrary(tmp_path / "none.db")


def test_words_of_names():
    assert identifiers("SwinTransformerBlock")[:40] == "swintransformerblock swin transformer bl"
    assert "attn" in identifiers("self.attn_drop = 1").split()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("SqueezeExcitation", "SqueezeExcitation"),
        ("squeeze and excitation", "SqueezeExcitation"),
        ("shifted window attention", "ShiftedWindowAttention"),
        ("inverted residual", "InvertedResidual"),
        ('quotes " and (operators) OR NEAR*', None),
    ],
)
def test_search_by_words(library, query, name):
    hits = search(library, query, meaning=False)
    if name:
        assert hits[0].entry.name == name
    assert [h.score for h in hits] == sorted((h.score for h in hits), reverse=True)


def test_search_is_narrowed(library):
    hits = search(library, "attention", category="attention", meaning=False)
    assert hits
    assert {hit.entry.category for hit in hits} == {"attention"}
    assert len(search(library, "torch", limit=2, meaning=False)) == 2
    with pytest.raises(UsageError):
        search(library, "!?")


@pytest.mark.slow
@pytest.mark.skipif(not embeddings_installed(), reason="the extra embeddings is not installed")
def test_search_by_meaning(library):
    assert "Permute" in {h.entry.name for h in search(library, "rearrange axes", meaning=True)[:3]}
    assert search(library, "rearrange axes", meaning=False) == []
    assert search(library, "fully connected layers", meaning=True)[0].entry.name == "MLP"
    assert search(library, "fully connected layers", meaning=False)[0].entry.name != "MLP"


@pytest.mark.parametrize("tokens", [50, 1500, 100_000])
def test_exemplars_keep_to_their_budget(library, tokens):
    found = exemplars(library, "attention convolution residual", count=4, tokens=tokens)
    assert len(found) <= 4
    assert sum(token_count(exemplar_text(entry)) for entry in found) <= tokens
    assert all(entry.validation.stage is Stage.BACKWARD for entry in found)
    if tokens == 100_000:
        assert len(found) == 4


def test_an_exemplar_says_how_to_use_it(library):
    (entry,) = exemplars(library, "squeeze excitation", count=1, tokens=10_000)
    text = exemplar_text(entry)
    assert "torchvision" in text
    assert str(entry.validation.outputs[0]) in text
    compile(text, "exemplar", "exec")
