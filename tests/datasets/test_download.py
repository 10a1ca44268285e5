"""Downloading through torchvision, from a server on this machine."""

import functools
import tarfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import written
from torchvision import datasets

from lemur2.datasets import prepare
from lemur2.errors import UserError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder and the address that gives its files."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Quiet, directory=folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def mirror(served, monkeypatch):
    folder, address = served
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{address}/raw/"])
    unchecked = [(name, None) for name, _ in datasets.MNIST.resources]
    monkeypatch.setattr(datasets.MNIST, "resources", unchecked)
    return folder / "raw"


def test_what_is_missing_is_fetched_once(tmp_path, mirror):
    written.write_mnist(mirror, ".gz")
    root, cache = tmp_path / "data", tmp_path / "cache"
    with pytest.raises(UserError, match="--download"):
        prepare("mnist", root=root, cache=cache)
    found = prepare("mnist", root=root, cache=cache, download=True)
    assert found.spec.sizes == {"train": 50, "validation": 10, "test": 20}
    for file in mirror.iterdir():
        file.unlink()
    assert prepare("mnist", root=root, cache=cache, download=True).folder == found.folder


def test_a_failed_download_is_one_line(tmp_path, mirror):
    with pytest.raises(UserError, match="'mnist' could not be downloaded into") as raised:
        prepare("mnist", root=tmp_path / "data", cache=tmp_path / "cache", download=True)
    assert "\n" not in str(raised.value)


def test_an_archive_is_unpacked(tmp_path, served, monkeypatch):
    folder, address = served
    (tmp_path / "there").mkdir()
    written.write_cifar10(tmp_path / "there")
    with tarfile.open(folder / "cifar.tar.gz", "w:gz") as tar:
        tar.add(tmp_path / "there" / "cifar-10-batches-py", "cifar-10-batches-py")
    kind = datasets.CIFAR10
    monkeypatch.setattr(kind, "url", f"{address}/cifar.tar.gz")
    monkeypatch.setattr(kind, "tgz_md5", None)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": None})
    for name in ("train_list", "test_list"):
        monkeypatch.setattr(kind, name, [[file, None] for file, _ in getattr(kind, name)])
    found = prepare("cifar-10", root=tmp_path / "data", cache=tmp_path / "cache", download=True)
    assert found.spec.classes == tuple(f"c{number}" for number in range(10))
