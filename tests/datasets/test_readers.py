"""Every registered data set passes the conformance suite, and reads what was written."""

from pathlib import Path

import numpy as np
import pytest
import written
from PIL import Image
from sklearn.datasets import load_digits

from lemur2.datasets import dataset, dataset_names
from lemur2.datasets.idx import FashionMnist, read_idx
from lemur2.errors import UserError
from lemur2.testing.datasets import DatasetSuite

PACKAGED = {"digits", "mnist-5k", "python-reference"}
WRITERS = {
    "fashion-mnist": lambda root: written.write_mnist(root / "FashionMNIST" / "raw"),
    "mnist": lambda root: written.write_mnist(root / "MNIST" / "raw", ".gz"),
    "cifar-10": written.write_cifar10,
    "cifar-100": written.write_cifar100,
    "svhn": written.write_svhn,
    "imagenette": written.write_imagenette,
    "celeba-gender": written.write_celeba,
    "places365": written.write_places,
}


class TestPackaged(DatasetSuite):
    packaged = True

    @pytest.fixture(params=[name for name in dataset_names() if name in PACKAGED])
    def dataset(self, request):
        return dataset(request.param)


class TestInDataFolder(DatasetSuite):
    @pytest.fixture(params=[name for name in dataset_names() if name not in PACKAGED])
    def dataset(self, request):
        return dataset(request.param)

    @pytest.fixture
    def root(self, dataset, tmp_path):
        WRITERS[dataset.name](tmp_path)
        return tmp_path


def load(name, root):
    return dataset(name).load(root, download=False)


def test_digits_are_scikit_learns():
    images, targets = load("digits", Path()).train
    pixels, expected = load_digits(return_X_y=True)
    assert images.shape == (1797, 1, 8, 8)
    assert np.array_equal(targets, expected)
    assert np.abs(images.reshape(-1, 64) / 255 * 16 - pixels).max() < 0.04
    assert images.max() == 255


def test_mnist_5k_is_whole():
    images, targets = load("mnist-5k", Path()).train
    assert images.shape == (5000, 1, 28, 28)
    assert np.bincount(targets).tolist() == [500] * 10
    assert images.max() == 255
    assert images[:, 0, 10:18, 10:18].mean() > 5 * images[:, 0, :4, :].mean()


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_gives_what_was_written(tmp_path, suffix):
    array = written.images(3, 4, 5)
    written.write_idx(tmp_path / f"x{suffix}", array)
    assert np.array_equal(read_idx(tmp_path / f"x{suffix}"), array)


@pytest.mark.parametrize(
    "content", [b"", b"PNG.", b"\0\0\x08\x02\0\0", b"\0\0\x08\x01\0\0\0\x03ab"]
)
def test_damaged_idx_is_refused(tmp_path, content):
    written.write_mnist(tmp_path / "MNIST" / "raw")
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(content)
    with pytest.raises(UserError, match=r"'mnist' in .* cannot be read"):
        load("mnist", tmp_path)


def test_fashion_mnist_of_the_distribution(tmp_path, monkeypatch):
    system = tmp_path / "usr" / "fashion-mnist"
    written.write_mnist(system, ".gz")
    monkeypatch.setattr(FashionMnist, "system_folder", system)
    raw = load("fashion-mnist", tmp_path / "empty")
    assert raw.train[0].shape == (60, 1, 28, 28)
    assert raw.classes[9] == "Ankle boot"


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_cifar_10_batches_in_order(tmp_path, protocol):
    written.write_cifar10(tmp_path, protocol)
    raw = load("cifar-10", tmp_path)
    images, targets = raw.train
    assert images.shape == (100, 3, 32, 32)
    assert np.array_equal(images[20].reshape(-1), written.images(20, 3072, seed=1)[0])
    assert np.array_equal(targets[:20], written.labels(20))
    assert raw.test[0].shape == (20, 3, 32, 32)
    assert raw.classes[3] == "c3"


def test_cifar_100_by_fine_labels(tmp_path):
    written.write_cifar100(tmp_path)
    raw = load("cifar-100", tmp_path)
    assert len(raw.classes) == 100
    assert raw.train[1].max() == 99


class RunsCode:
    def __reduce__(self):
        return (print, ("it ran",))


def test_cifar_pickles_run_no_code(tmp_path, capsys):
    written.write_cifar10(tmp_path)
    written.write_pickle(tmp_path / "cifar-10-batches-py" / "test_batch", RunsCode())
    with pytest.raises(UserError, match=r"its pickle asks for"):
        load("cifar-10", tmp_path)
    assert capsys.readouterr().out == ""


def test_svhn_calls_ten_zero(tmp_path):
    written.write_svhn(tmp_path)
    images, targets = load("svhn", tmp_path).train
    stored = written.images(32, 32, 3, 60)
    assert np.array_equal(targets, written.labels(60))
    assert np.array_equal(images[7], stored[..., 7].transpose(2, 0, 1))


def test_pictures_are_brought_to_one_size(tmp_path):
    path = tmp_path / "x.jpg"
    written.write_picture(path, 300, 200)
    from torchvision import transforms

    from lemur2.datasets.images import read_image

    expected = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(256)])(
        Image.open(path)
    )
    assert np.array_equal(read_image(path), np.asarray(expected).transpose(2, 0, 1))


def test_imagenette_labels_by_folder(tmp_path):
    written.write_imagenette(tmp_path)
    raw = load("imagenette", tmp_path)
    assert raw.classes == ("tench", "English springer")
    assert raw.train[1].tolist() == [0] * 10 + [1] * 10
    assert raw.train[0].shape == (20, 3, 256, 256)
    assert raw.test[0].shape[0] == 4


def test_damaged_picture_is_named(tmp_path):
    written.write_imagenette(tmp_path)
    broken = tmp_path / "imagenette2-160" / "train" / "n01440764" / "n01440764_0.JPEG"
    broken.write_bytes(b"not a picture")
    with pytest.raises(UserError, match=r"n01440764_0.JPEG cannot be read"):
        load("imagenette", tmp_path).train[0][np.arange(2)]


def test_celeba_keeps_its_own_parts(tmp_path):
    written.write_celeba(tmp_path)
    raw = load("celeba-gender", tmp_path)
    assert [len(raw.train[1]), len(raw.validation[1]), len(raw.test[1])] == [20, 6, 4]
    assert raw.classes == ("female", "male")
    assert raw.train[1][:4].tolist() == [1, 0, 1, 0]


def test_places_tests_on_its_validation_part(tmp_path):
    written.write_places(tmp_path)
    raw = load("places365", tmp_path)
    assert raw.classes == ("a/airfield", "b/bakery/shop")
    assert raw.train[1].tolist() == [0, 1] * 6
    assert raw.test[0][np.arange(4)].shape == (4, 3, 256, 256)


def test_places_without_pictures_is_not_there(tmp_path):
    written.write_places(tmp_path)
    (tmp_path / "val_256").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"looked for .*val_256"):
        load("places365", tmp_path)
