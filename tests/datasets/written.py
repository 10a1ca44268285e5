"""Small data in the true on-disk formats, random but fixed."""

import gzip
import pickle
import struct

import numpy as np
from PIL import Image
from scipy.io import savemat

CLASSES = 10


def images(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count, classes=CLASSES):
    return np.arange(count) % classes


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    content = header + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_mnist(folder, suffix="", train=60, test=20):
    folder.mkdir(parents=True)
    for part, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", images(count, 28, 28, seed=count))
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", labels(count))


def write_pickle(path, content, protocol=2):
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=protocol)


def write_cifar10(root, protocol=2):
    folder = root / "cifar-10-batches-py"
    folder.mkdir()
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for seed, name in enumerate(names):
        batch = {"data": images(20, 3072, seed=seed), "labels": labels(20).tolist()}
        write_pickle(folder / name, {"batch_label": name, **batch}, protocol)
    write_pickle(folder / "batches.meta", {"label_names": [f"c{n}" for n in range(CLASSES)]})


def write_cifar100(root):
    folder = root / "cifar-100-python"
    folder.mkdir()
    for name, count in (("train", 1000), ("test", 100)):
        fine = labels(count, 100)
        batch = {"data": images(count, 3072), "fine_labels": fine.tolist()}
        write_pickle(folder / name, {**batch, "coarse_labels": (fine // 5).tolist()})
    write_pickle(folder / "meta", {"fine_label_names": [f"f{n}" for n in range(100)]})


def write_svhn(root):
    for name, count in (("train", 60), ("test", 20)):
        stored = np.where(labels(count) == 0, 10, labels(count)).reshape(-1, 1)
        savemat(root / f"{name}_32x32.mat", {"X": images(32, 32, 3, count), "y": stored})


def write_picture(path, width, height, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(images(height, width, 3, seed=seed)).save(path, format="JPEG", quality=95)


def write_imagenette(root, edition="imagenette2-160"):
    for wnid in ("n01440764", "n02102040"):
        for part, count in (("train", 10), ("val", 2)):
            for number in range(count):
                path = root / edition / part / wnid / f"{wnid}_{number}.JPEG"
                write_picture(path, 160 + 7 * number, 213, seed=number)


def write_celeba(root, count=30):
    folder = root / "celeba"
    names = [f"{number:06d}.jpg" for number in range(1, count + 1)]
    for number, name in enumerate(names):
        write_picture(folder / "img_align_celeba" / name, 178, 218, seed=number)
    rows = [f"{name}  1 {'-1' if n % 2 else ' 1'} -1" for n, name in enumerate(names)]
    attributes = "\n".join([str(count), "Bald Male Young ", *rows, ""])
    (folder / "list_attr_celeba.txt").write_text(attributes)
    parts = "".join(f"{name} {0 if n < 20 else n // 26 + 1}\n" for n, name in enumerate(names))
    (folder / "list_eval_partition.txt").write_text(parts)


def write_places(root):
    (root / "categories_places365.txt").write_text("/a/airfield 0\n/b/bakery/shop 1\n")
    for file, folder, count in (
        ("places365_train_standard.txt", "data_256_standard", 12),
        ("places365_val.txt", "val_256", 4),
    ):
        lines = []
        for number in range(count):
            name = f"/x/{number:08d}.jpg" if count == 12 else f"Places365_val_{number:08d}.jpg"
            write_picture(root / folder / name.lstrip("/"), 256, 256, seed=number)
            lines.append(f"{name} {number % 2}\n")
        (root / file).write_text("".join(lines))
