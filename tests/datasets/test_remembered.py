"""Names that people give to data of their own."""

import json
import multiprocessing

import numpy as np
import odd
import pytest

from lemur2.datasets import dataset, dataset_class, lasting_name, prepare, remembered
from lemur2.datasets.own import PictureFolder
from lemur2.datasets.remembered import Entry, entries, forget, remember
from lemur2.errors import UsageError, UserError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def flowers(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "flowers" / name).mkdir(parents=True)
        for number in range(4):
            colour = (number, 9 * ord(name) % 256, 7)
            odd.flat(colour, size=(48, 60)).save(tmp_path / "flowers" / name / f"{number}.png")
    return tmp_path / "flowers"


def test_a_name_stands_for_the_source_with_its_side(flowers):
    remember("roses", Entry(f"folder:{flowers}", side=24))
    assert dataset_class("roses") is PictureFolder
    found = prepare("roses")
    assert (found.spec.name, found.spec.sample_shape) == ("roses", (3, 24, 24))
    assert found.folder.name.startswith("roses-")
    assert prepare(f"folder:{flowers}").spec.sample_shape == (3, 48, 48)


def test_forgotten_names_are_unknown(flowers):
    remember("roses", Entry(f"folder:{flowers}"))
    assert forget("roses") == Entry(f"folder:{flowers}")
    assert entries() == {}
    with pytest.raises(UsageError, match="unknown data set 'roses'"):
        dataset("roses")


def test_close_names_are_offered(flowers):
    remember("roses", Entry(f"folder:{flowers}"))
    with pytest.raises(UsageError, match="unknown data set 'rose'; did you mean roses"):
        dataset("rose")
    with pytest.raises(UserError, match="no data set is remembered as 'rose'; did you mean roses"):
        forget("rose")


def test_a_name_is_not_given_twice(flowers):
    remember("roses", Entry(f"folder:{flowers}"))
    remember("roses", Entry(f"folder:{flowers}"))
    with pytest.raises(UserError, match=r"'roses' stands for folder:.*flowers; choose another"):
        remember("roses", Entry(f"folder:{flowers}", side=24))
    assert entries() == {"roses": Entry(f"folder:{flowers}")}


@pytest.mark.parametrize(
    "name",
    ["", "Roses", "a_b", "a b", "-a", "a-", "a--b", "a/b", "..", "a.b", "ä", "a" * 41, "a\n"],
)
def test_names_are_parts_of_paths_and_of_other_names(name):
    with pytest.raises(UsageError, match="no data set may be called"):
        remembered.check_name(name)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "datasets": {}}',
        '{"format": 1, "datasets": {"a": {"source": 3}}}',
        '{"format": 1, "datasets": {"a": {"source": "x", "side": -1}}}',
        '{"format": 1, "datasets": {"a": {"what": "x"}}}',
        '{"format": 1, "datasets": []}',
    ],
)
def test_a_damaged_list_is_one_line(root, content):
    root.mkdir()
    (root / "datasets.json").write_text(content)
    with pytest.raises(UserError, match=r"datasets.json cannot be read .*; repair or delete it"):
        entries()
    with pytest.raises(UserError, match="repair or delete it"):
        remember("roses", Entry("folder:/x"))
    assert (root / "datasets.json").read_text() == content
    assert dataset_class("digits").name == "digits"


def test_a_folder_that_cannot_be_written_is_one_line(root):
    root.write_text("a file")
    with pytest.raises(UserError, match=r"cannot be written in .*; set LEMUR2_DATA"):
        remember("roses", Entry("folder:/x"))


def add(number):
    remember(f"name-{number}", Entry(f"folder:/somewhere/{number}"))


def test_names_given_at_once_are_all_kept(root):
    with multiprocessing.get_context("fork").Pool(8) as pool:
        pool.map(add, range(40), chunksize=1)
    assert len(entries()) == 40
    assert sorted(each.name for each in root.iterdir()) == [".datasets.json.lock", "datasets.json"]


def test_a_path_is_remembered_under_a_short_name(flowers, monkeypatch, tmp_path):
    monkeypatch.chdir(flowers.parent)
    name = lasting_name("folder:flowers")
    assert name == dataset("folder:flowers").name
    assert lasting_name(name) == name
    monkeypatch.chdir("/")
    first, again = prepare(name), prepare(f"folder:{flowers}")
    assert first.folder == again.folder
    assert np.array_equal(first.inputs("test"), again.inputs("test"))
    stored = json.loads((tmp_path / "data" / "datasets.json").read_text())
    assert stored["datasets"][name]["source"] == f"folder:{flowers}"


@pytest.mark.parametrize("name", ["digits", "text:book", "mnist"])
def test_other_names_last_as_they_are(root, name):
    assert lasting_name(name) == name
    assert not root.exists()
