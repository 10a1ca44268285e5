"""The prepared folder: its parts, its statistics, and what happens when things go wrong."""

import multiprocessing
import os
import signal
import stat
import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
import written
from hypothesis import given
from hypothesis import strategies as st

from lemur2.datasets import dataset_class, open_prepared, prepare
from lemur2.datasets.raw import RawData
from lemur2.datasets.splits import split_by_class, stratified
from lemur2.errors import UsageError, UserError


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return prepare("digits", cache=tmp_path_factory.mktemp("cache"))


def test_parts_are_plain_arrays(digits):
    spec = digits.spec
    assert spec.sizes == {"train": 1439, "validation": 179, "test": 179}
    assert (spec.sample_shape, spec.outputs, spec.task) == ((1, 8, 8), (10,), "img-classification")
    for part in spec.sizes:
        inputs, targets = digits.inputs(part), digits.targets(part)
        assert isinstance(inputs, np.memmap)
        assert (inputs.dtype, targets.dtype) == (np.uint8, np.int64)
        assert inputs.shape == (spec.sizes[part], 1, 8, 8)
        assert len(targets) == spec.sizes[part]


def test_statistics_are_of_the_training_part(digits):
    pixels = digits.inputs("train") / 255
    assert digits.spec.mean == pytest.approx([pixels.mean()], rel=1e-12)
    assert digits.spec.std == pytest.approx([pixels.std()], rel=1e-9)


def test_statistics_are_per_channel(tmp_path):
    written.write_cifar10(tmp_path)
    found = prepare("cifar-10", root=tmp_path, cache=tmp_path / "cache")
    pixels = found.inputs("train") / 255
    assert found.spec.mean == pytest.approx(pixels.mean(axis=(0, 2, 3)), rel=1e-9)
    assert found.spec.std == pytest.approx(pixels.std(axis=(0, 2, 3)), rel=1e-9)
    assert np.array_equal(found.targets("test"), written.labels(20))


def test_held_out_folders_are_the_owners_alone(digits):
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in digits.folder.iterdir()}
    assert modes["held"] == modes["sealed"] == 0o700
    inside = {str(path.relative_to(digits.folder)) for path in digits.folder.rglob("*.npy")}
    assert {name for name in inside if "targets" in name and "sealed" not in name} == {
        "open/train_targets.npy"
    }


def test_every_sample_lands_in_one_part(digits):
    rows = np.concatenate([digits.inputs(part) for part in digits.spec.sizes]).reshape(-1, 64)
    everything, _ = dataset_class("digits")().load(digits.folder, download=False).train
    assert sorted(map(bytes, rows)) == sorted(map(bytes, everything.reshape(-1, 64)))


def test_same_seed_same_folder_other_seed_other_split(tmp_path):
    first = prepare("digits", cache=tmp_path, seed=1)
    before = first.folder.stat().st_mtime_ns
    again, other = prepare("digits", cache=tmp_path, seed=1), prepare("digits", cache=tmp_path)
    assert again.folder == first.folder
    assert again.spec == first.spec
    assert first.folder.stat().st_mtime_ns == before
    assert other.folder != first.folder
    assert not np.array_equal(other.targets("train"), first.targets("train"))


def test_changed_files_are_prepared_anew(tmp_path):
    written.write_mnist(tmp_path / "MNIST" / "raw")
    first = prepare("mnist", root=tmp_path, cache=tmp_path / "cache")
    file = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    written.write_idx(file, written.images(20, 28, 28, seed=99))
    second = prepare("mnist", root=tmp_path, cache=tmp_path / "cache")
    assert second.folder != first.folder
    assert not np.array_equal(second.inputs("test"), first.inputs("test"))


def test_pictures_are_stored_in_one_size(tmp_path):
    written.write_imagenette(tmp_path)
    found = prepare("imagenette", root=tmp_path, cache=tmp_path / "cache")
    assert found.spec.sizes == {"train": 18, "validation": 2, "test": 4}
    assert found.inputs("train").shape == (18, 3, 256, 256)


def test_environment_names_the_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("LEMUR2_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LEMUR2_CACHE", str(tmp_path / "cache"))
    written.write_mnist(tmp_path / "data" / "MNIST" / "raw")
    assert prepare("mnist").folder.parent == tmp_path / "cache" / "data"


def test_unknown_name_gives_close_ones(tmp_path):
    with pytest.raises(UsageError, match=r"unknown data set 'cifar10'; did you mean cifar-10"):
        prepare("cifar10", cache=tmp_path)


def test_not_there_says_where_and_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"'svhn' is not on disk .*train_32x32.mat.*LEMUR2_DATA"):
        prepare("svhn", root=tmp_path, cache=tmp_path)
    assert not (tmp_path / "data").exists()


def test_too_few_samples_for_three_parts(tmp_path):
    written.write_mnist(tmp_path / "MNIST" / "raw", train=40)
    with pytest.raises(UserError, match=r"'mnist' has too few samples for a validation part"):
        prepare("mnist", root=tmp_path, cache=tmp_path / "cache")


def test_a_class_without_samples_is_an_error(tmp_path):
    folder = tmp_path / "MNIST" / "raw"
    written.write_mnist(folder)
    written.write_idx(folder / "train-labels-idx1-ubyte", written.labels(60, 9))
    with pytest.raises(UserError, match=r"names 10 classes, but .* differ \(class 9\)"):
        prepare("mnist", root=tmp_path, cache=tmp_path / "cache")


def test_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"cannot be prepared in .*set LEMUR2_CACHE"):
        prepare("digits", cache=tmp_path / "cache")


def test_damaged_folder_is_named(digits, tmp_path):
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(UserError, match=r"holds no prepared data"):
        open_prepared(tmp_path)


def _prepare_and_report(cache, results):
    results.put(prepare("mnist-5k", cache=cache).folder)


def test_concurrent_preparations_agree(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_prepare_and_report, args=(tmp_path, results)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    folders = {results.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    assert len(folders) == 1
    assert open_prepared(folders.pop()).inputs("train").shape == (4000, 1, 28, 28)
    assert not list((tmp_path / "data").glob("*.unfinished"))


KILLED_HALFWAY = """
import os, signal, sys
from pathlib import Path
from lemur2.datasets import prepare as prepare_
from lemur2.datasets.images import ImageFiles

read = ImageFiles.__getitem__

def stop(self, indices):
    if self.shape[0] == 4:  # the test part, which is written last
        print("halfway", flush=True)
        signal.pause()
    return read(self, indices)

ImageFiles.__getitem__ = stop
prepare_("imagenette", root=Path(sys.argv[1]), cache=Path(sys.argv[2]))
"""


def test_a_killed_preparation_is_not_trusted(tmp_path):
    written.write_imagenette(tmp_path)
    cache = tmp_path / "cache"
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED_HALFWAY, tmp_path, cache], stdout=subprocess.PIPE
    )
    assert child.stdout.readline() == b"halfway\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    assert list((cache / "data").glob(".*.unfinished"))
    assert not [each for each in (cache / "data").iterdir() if each.name[0] != "."]
    found = prepare("imagenette", root=tmp_path, cache=cache)
    assert found.inputs("test").shape == (4, 3, 256, 256)
    assert not list((cache / "data").glob(".*.unfinished"))


targets_of_any_size = st.lists(st.integers(0, 4), min_size=0, max_size=120).map(np.array)


@given(targets_of_any_size, st.integers(0, 2**32 - 1))
def test_stratified_is_complete_disjoint_and_even(targets, seed):
    parts = stratified(targets, [0.1, 0.1], seed)
    assert sorted(np.concatenate(parts)) == list(range(len(targets)))
    for part in parts[1:]:
        for label in set(targets.tolist()):
            exact = 0.1 * (targets == label).sum()
            assert abs((targets[part] == label).sum() - exact) <= 0.5
    again = stratified(targets, [0.1, 0.1], seed)
    assert all(np.array_equal(a, b) for a, b in zip(parts, again, strict=True))


@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_shipped_parts_stay_as_they_are(seed, has_validation, has_test):
    def part(start, count):
        return np.arange(start, start + count)[:, None], np.arange(count) % 3

    raw = RawData(
        part(0, 60),
        part(1000, 9) if has_test else None,
        ("a", "b", "c"),
        part(2000, 6) if has_validation else None,
    )
    parts = split_by_class(raw, seed)
    values = {name: each[np.arange(each.shape[0])][:, 0] for name, (each, _) in parts.items()}
    if has_test:
        assert np.array_equal(values["test"], np.arange(1000, 1009))
    if has_validation:
        assert np.array_equal(values["validation"], np.arange(2000, 2006))
    taken = np.concatenate(list(values.values()))
    assert sorted(taken[taken < 1000]) == list(range(60))
    for name, (_, targets) in parts.items():
        own = values[name] < 1000
        assert np.array_equal(targets[own], values[name][own] % 3)


class Elsewhere:
    """Not a data set."""


def announce(monkeypatch, value):
    point = EntryPoint("elsewhere", value, "lemur2.datasets")
    monkeypatch.setattr("lemur2.registry.entry_points", lambda group: (point,))


def test_third_partys_class_by_entry_point(monkeypatch):
    announce(monkeypatch, "lemur2.datasets.idx:Mnist")
    assert dataset_class("elsewhere").__name__ == "Mnist"


@pytest.mark.parametrize("value", ["no_such_module:X", "lemur2.datasets.idx:NoSuch"])
def test_broken_entry_point_breaks_only_its_own_name(monkeypatch, value):
    announce(monkeypatch, value)
    assert dataset_class("digits").name == "digits"
    with pytest.raises(UserError, match=r"'elsewhere' cannot be loaded"):
        dataset_class("elsewhere")


def test_entry_point_must_be_a_data_set(monkeypatch):
    announce(monkeypatch, f"{__name__}:Elsewhere")
    with pytest.raises(UserError, match=r"is no Dataset class"):
        dataset_class("elsewhere")


def test_reading_prepared_data_takes_no_torch(digits):
    code = (
        "import sys; from pathlib import Path; from lemur2.datasets import open_prepared; "
        "open_prepared(Path(sys.argv[1])).inputs('train').sum(); "
        "import lemur2.metrics, lemur2.transforms; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, digits.folder], check=False).returncode == 0


FULL = """
import resource, sys
from pathlib import Path
from lemur2.datasets import prepare
from lemur2.errors import UserError

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    prepare("mnist-5k", cache=Path(sys.argv[1]))
except UserError as error:
    print(error)
"""


def test_a_full_disk_is_one_line(tmp_path):
    """A limit on the size of files stands in for the disk: the same failing write."""
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'mnist-5k' cannot be prepared in" in done.stdout
    assert done.stdout.count("\n") == 1
    assert prepare("mnist-5k", cache=tmp_path).inputs("train").shape == (4000, 1, 28, 28)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("kind", ["inputs", "targets"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "no rows", "fewer rows", "gone", "text"])
def test_a_damaged_array_is_named(tmp_path, part, kind, damage):
    data = prepare("digits", cache=tmp_path)
    path = data.inputs_path(part) if kind == "inputs" else data.targets_path(part)
    whole = np.load(path)
    if damage in ("no rows", "fewer rows", "text"):
        count = 0 if damage == "no rows" else len(whole) - 1
        np.save(path, whole.astype("U1") if damage == "text" else whole[:count])
    elif damage == "gone":
        path.unlink()
    else:
        os.truncate(path, 1000 if damage == "truncated" else 0)
    with pytest.raises(UserError, match=f"{path.name}.*delete .*then it is prepared again") as said:
        prepare("digits", cache=tmp_path)
    assert "\n" not in str(said.value)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_images_that_are_not_of_bytes_are_damaged(tmp_path, part):
    path = prepare("digits", cache=tmp_path).inputs_path(part)
    np.save(path, np.load(path).astype(np.float32))
    with pytest.raises(UserError, match=f"{path.name}: it is float32"):
        prepare("digits", cache=tmp_path)


@pytest.mark.parametrize("value", [-1, 10])
def test_a_target_that_is_no_class(tmp_path, value):
    data = prepare("digits", cache=tmp_path)
    targets = np.load(data.targets_path("test"))
    targets[3] = value
    np.save(data.targets_path("test"), targets)
    with pytest.raises(UserError, match="test_targets\\.npy: it has classes that there are not"):
        prepare("digits", cache=tmp_path)


@pytest.mark.parametrize("count", [0, 1])
def test_files_of_no_or_few_samples(tmp_path, count):
    written.write_mnist(tmp_path / "MNIST" / "raw", train=count, test=count)
    with pytest.raises(UserError, match="data set 'mnist'") as said:
        prepare("mnist", root=tmp_path, cache=tmp_path / "cache")
    assert "\n" not in str(said.value)
