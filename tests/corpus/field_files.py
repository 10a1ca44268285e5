"""A small corpus in the field's layout, with every oddity that the big one has, and worse."""

import json
import zipfile
from pathlib import Path

from lemur2.architecture import content_name

NET = '''import torch.nn as nn


def supported_hyperparameters():
    return {"lr", "momentum"}


class Net(nn.Module):
    """%s"""

    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layer = nn.Linear(in_shape[1], %d)

    def forward(self, x):
        return self.layer(x)

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        pass
'''
TRANSFORM = "def transform(norm):\n    return None\n"


def net(width: int, note: str = "") -> str:
    return NET % (note, width)


MUTANT = content_name("ast-dimension-AlexNet", net(2))
UNREADABLE = "ga-7"
PRM = {"lr": 0.01, "batch": 16, "momentum": 0.9, "dropout": 0.5}


def record(accuracy, uid: str = "a", **changes) -> dict:
    made = {"accuracy": accuracy, "transform": "norm_32", "uid": uid, **PRM, **changes}
    return {name: value for name, value in made.items() if value is not ...}


def second(number: float) -> int:
    return round(number * 1e9)


CIFAR = "stat/train/img-classification_cifar-10_acc_AlexNet"
# What is right about the corpus, by path below ab/nn/.
TRIALS = {
    # Two trainings, the one with gaps, the other ending early.
    f"{CIFAR}/1.json": [
        record(0.5, duration=second(10)),
        record(0.4, "b", lr=0.1, duration=second(4)),
    ],
    f"{CIFAR}/2.json": [
        record(0.6, duration=second(21)),
        record(0.45, "b", lr=0.1, duration=second(8.5)),
    ],
    f"{CIFAR}/5.json": [record(0.7, duration=second(51))],
    # The same hyperparameters twice, once without durations; the planned total as `epoch`.
    "stat/train/img-classification_mnist_acc_AlexNet/1.json": [
        record(0.9, epoch=2, duration=second(3)),
        record(0.95, epoch=2, duration=second(2)),
        record(0.8, "c", weight_decay=0.1, momentum=...),
    ],
    "stat/train/img-classification_mnist_acc_AlexNet/2.json": [
        record(0.97, epoch=2, duration=second(4)),
        record(0.92, epoch=2, duration=second(6)),
        record(0.85, "c", weight_decay=0.1, momentum=...),
    ],
    # Epoch 0, epochs of their own numbers, a uid that is no md5, a boolean.
    f"stat/train/img-classification_mnist_acc_{MUTANT}/0.json": [record(0.1, "x", epoch=0)],
    f"stat/train/img-classification_mnist_acc_{MUTANT}/1.json": [
        record(0.2, "x", epoch=1),
        record(0.3, "no md5", save_weights=True, dropout=0),
    ],
    "stat/train/img-classification_cifar-10_acc_my_net/3.json": [record(0.3)],
    "stat/train/obj-detection_coco_map_AlexNet/1.json": [record(0.99, duration=second(1))],
}
DEVICE = {
    "model_name": "my_net",
    "device_type": "phone",
    "os_version": "16",
    "valid": True,
    "emulator": True,
    "error_message": None,
    "duration": 349,
    "device_analytics": {
        "timestamp": 1760299591.5,
        "memory_info": {"total_ram_kb": "2018820 kB", "cached_kb": "1 kB"},
        "cpu_info": {"cpu_cores": 8, "a": [1]},
    },
}
GOOD: dict[str, bytes] = {
    "nn/__init__.py": b"",
    "nn/AlexNet.py": net(1).encode(),
    f"nn/{MUTANT}.py": net(2).encode(),
    "nn/my_net.py": net(3, "CRLF").replace("\n", "\r\n").encode(),
    "nn/untrained.py": net(4).encode(),
    f"nn/{UNREADABLE}.py": b"class Net(:\n",
    "nn/no_contract.py": b"x = 1\n",
    "transform/__init__.py": b"",
    "transform/norm_32.py": TRANSFORM.encode(),
    "transform/echo.py": TRANSFORM.encode(),
    "stat/run/img-classification_my_net/phone_16.json": json.dumps(DEVICE, indent=2).encode(),
    "metric/acc.py": b"",
    **{path: json.dumps(records, indent=4).encode() for path, records in TRIALS.items()},
}
# What is wrong with it.
BAD: dict[str, bytes] = {
    "nn/latin.py": "# \xe9\n".encode("latin-1"),
    "stat/train/nonsense/1.json": b"[]",
    "stat/train/img-classification_mnist_acc_Nobody/1.json": json.dumps([record(0.5)]).encode(),
    "stat/train/img-classification_mnist_acc_untrained/1.json": b'{"accuracy": 0.5}',
    "stat/train/img-classification_mnist_acc_untrained/2.json": b'[{"accuracy": 0.',
    "stat/train/img-classification_mnist_acc_untrained/best.json": b"[]",
    "stat/train/img-classification_mnist_acc_untrained/3.json": b"[" * 100_000,
    "stat/train/img-classification_mnist_acc_untrained/4.json": json.dumps(
        [
            record(float("nan"), "n"),
            record(...),
            record("high"),
            record(True),
            3,
            record(0.5, transform=["norm"]),
            record(0.25, "fine", batch=1 << 80, duration=-1, transform="unseen"),
        ]
    ).encode(),
    "stat/run/nonsense/phone.json": b"{}",
    "stat/run/img-classification_Nobody/phone.json": b"{}",
    "stat/run/img-classification_AlexNet/phone.json": b"[]",
}
METADATA = b"Metadata-Version: 2.4\nName: nn-dataset\nVersion: 9.9\n"


def write_wheel(path: Path, files: dict[str, bytes], version: str = "9.9") -> Path:
    """A wheel that holds the files below ab/nn/."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            wheel.writestr(f"ab/nn/{name}", content)
        wheel.writestr(f"nn_dataset-{version}.dist-info/METADATA", METADATA)
    return path


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def expected_rows(trials: dict[str, list[dict]]) -> list[dict]:
    """What a query is to give, read off the files."""
    rows = []
    for path, records in trials.items():
        folder, file = path.removeprefix("stat/train/").split("/")
        task, dataset, metric, nn = folder.split("_", 3)
        for found in records:
            prm = {
                name: value
                for name, value in found.items()
                if name not in ("accuracy", "transform", "uid", "duration", "epoch")
            }
            rows.append(
                {
                    "nn": nn,
                    "task": task,
                    "dataset": dataset,
                    "metric": metric,
                    "epoch": int(file.removesuffix(".json")),
                    "accuracy": found["accuracy"],
                    "transform": found["transform"],
                    "prm": prm,
                }
            )
    return rows
