"""What is in a prepared data set, for people: counts, balance, and what its reader told."""

from __future__ import annotations

from typing import Any

import numpy as np

from lemur2.datasets.base import PreparedData
from lemur2.datasets.raw import PARTS


def overview(data: PreparedData) -> dict[str, Any]:
    """Parts, classes and their balance, in the values of JSON."""
    spec = data.spec
    found: dict[str, Any] = {
        "name": spec.name,
        "task": spec.task,
        "parts": {part: spec.sizes[part] for part in PARTS},
        "sample_shape": list(spec.sample_shape),
        "mean": list(spec.mean),
        "std": list(spec.std),
        "classes": [],
        "imbalance": None,
        "facts": data.facts(),
        "folder": str(data.folder),
    }
    if data.targets("train").ndim == 1:
        counts = np.stack([_counts(data, part) for part in PARTS], axis=1)
        found["classes"] = _classes(spec.classes, counts)
        found["imbalance"] = _imbalance(spec.classes, counts)
    return found


def _counts(data: PreparedData, part: Any) -> np.ndarray:
    return np.bincount(data.targets(part), minlength=len(data.spec.classes))


def _classes(names: tuple[str, ...], counts: np.ndarray) -> list[dict[str, Any]]:
    total = counts.sum()
    return [
        {
            "class": name,
            "parts": dict(zip(PARTS, row.tolist(), strict=True)),
            "all": int(row.sum()),
            "share": float(row.sum() / total),
        }
        for name, row in zip(names, counts, strict=True)
    ]


def _imbalance(names: tuple[str, ...], counts: np.ndarray) -> dict[str, Any]:
    """The largest class against the smallest; what always naming it scores on the test part."""
    all_parts, test = counts.sum(axis=1), counts[:, PARTS.index("test")]
    largest = int(all_parts.argmax())
    return {
        "ratio": float(all_parts.max() / all_parts.min()),
        "largest": names[largest],
        "smallest": names[int(all_parts.argmin())],
        "acc": float(test[largest] / test.sum()),
        "balanced-acc": float((test[largest] > 0) / (test > 0).sum()),
    }
