"""Text data sets: split by position, windows that do not leak, and clear errors."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.datasets.text import UNKNOWN, WINDOW, PythonReference, TextFile
from lemur2.errors import UsageError, UserError

PARTS = ("train", "validation", "test")


def loaded(folder, text, stem="book"):
    (folder / f"{stem}.txt").write_text(text, encoding="utf-8")
    dataset = TextFile(f"text:{stem}")
    raw = dataset.load(folder, download=False)
    return raw, dataset.split(raw, seed=0)


def decoded(raw, windows):
    return ["".join(raw.classes[index] for index in window) for window in windows]


@pytest.fixture(scope="module")
def reference():
    dataset = PythonReference()
    raw = dataset.load(Path("nowhere"), download=False)
    return raw, dataset.split(raw, seed=0)


class TestPythonReference:
    def test_is_english_of_some_hundred_thousand_characters(self, reference):
        raw, parts = reference
        text = "".join(decoded(raw, [raw.train[0]]))
        assert 200_000 < len(text) < 1_000_000
        assert "the" in text.split()
        assert 60 < len(raw.classes) < 300
        assert [len(parts[part][0]) > 300 for part in PARTS] == [True] * 3

    def test_is_there_and_reads_the_same_every_time(self, reference):
        dataset = PythonReference()
        assert dataset.available(Path("nowhere"))
        again = dataset.load(Path("elsewhere"), download=False)
        assert np.array_equal(again.train[0], reference[0].train[0])
        assert again.classes == reference[0].classes

    def test_held_out_windows_are_rarely_quoted_from_training(self, reference):
        raw, parts = reference
        training = "".join(decoded(raw, [raw.train[0]]))[: int(0.8 * len(raw.train[0]))]
        for part in ("validation", "test"):
            windows = decoded(raw, parts[part][0])
            assert sum(window in training for window in windows) < 0.02 * len(windows)


class TestSplit:
    @settings(max_examples=20, deadline=None)
    @given(length=st.integers(1300, 6000), seed=st.integers(0, 99))
    def test_parts_are_stretches_of_the_text_in_order(self, tmp_path_factory, length, seed):
        letters = np.random.default_rng(seed).choice(list("abc \n"), length)
        text = "".join(letters)
        raw, parts = loaded(tmp_path_factory.mktemp("text"), text)
        start = 0
        for part in PARTS:
            inputs, targets = parts[part]
            assert inputs.shape == targets.shape == (len(inputs), WINDOW)
            assert np.array_equal(inputs[:, 1:], targets[:, :-1])
            for window, following in zip(decoded(raw, inputs), decoded(raw, targets), strict=True):
                start = text.index(window + following[-1], start)
            assert start + WINDOW < {"train": 0.8, "validation": 0.9, "test": 1}[part] * length + 1

    def test_no_held_out_target_is_the_input_of_another_window(self, tmp_path):
        text = "".join(chr(0x4E00 + index) for index in range(2000))
        (tmp_path / "unique.txt").write_text("x" * 8000 + text, encoding="utf-8")
        dataset = TextFile("text:unique")
        raw = dataset.load(tmp_path, download=False)
        numbered = raw.__class__(
            (np.arange(len(raw.train[0])), np.arange(1, len(raw.train[0]) + 1)), None, raw.classes
        )
        parts = dataset.split(numbered, seed=0)
        for part in ("validation", "test"):
            inputs, targets = parts[part]
            assert not set(targets[:, -1].tolist()) & set(inputs.ravel().tolist())
        inputs, targets = parts["train"]
        assert set(targets[:-1, -1].tolist()) <= set(inputs.ravel().tolist())

    def test_the_seed_changes_nothing(self, reference):
        raw, parts = reference
        other = PythonReference().split(raw, seed=9)
        assert all(np.array_equal(parts[part][0], other[part][0]) for part in PARTS)

    def test_characters_that_training_never_showed_are_unknown(self, tmp_path):
        text = "ab" * 900 + "ä" * 200 + UNKNOWN * 200
        raw, parts = loaded(tmp_path, text)
        assert raw.classes == ("a", "b", UNKNOWN)
        assert set("".join(decoded(raw, parts["test"][0]))) == {UNKNOWN}


class TestTextFile:
    def test_finds_the_files_of_a_folder(self, tmp_path):
        for stem in ("zebra", "ant"):
            (tmp_path / f"{stem}.txt").write_text("x")
        (tmp_path / "other.csv").write_text("x")
        assert TextFile.names(tmp_path) == ("text:ant", "text:zebra")
        assert TextFile("text:ant").available(tmp_path)
        assert not TextFile("text:bee").available(tmp_path)

    @pytest.mark.parametrize("name", ["book", "text:", "text:../secret", "text:a/b"])
    def test_names_that_are_none_are_refused(self, name):
        with pytest.raises(UsageError, match="text:<stem>"):
            TextFile(name)

    def test_a_file_that_is_not_there_says_where_it_was_looked_for(self, tmp_path):
        with pytest.raises(UserError, match=r"gone\.txt.*LEMUR2_DATA"):
            TextFile("text:gone").load(tmp_path, download=False)

    def test_a_file_that_is_not_text_says_so(self, tmp_path):
        (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00" * 1000)
        with pytest.raises(UserError, match="not UTF-8"):
            TextFile("text:binary").load(tmp_path, download=False)

    def test_a_short_file_says_how_much_it_takes(self, tmp_path):
        with pytest.raises(UserError, match=r"10 characters.*1300"):
            loaded(tmp_path, "0123456789")
