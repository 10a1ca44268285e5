"""A trained network as a folder that stands alone, in the layout of the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from lemur2 import __version__
from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.evaluation.weights import to_bytes
from lemur2.prediction.trained import Trained
from lemur2.prediction.writing import new_folder


def pack(trained: Trained, corpus: Corpus, out: Path) -> Path:
    """Write the folder: network, weights, transform, classes, a script that predicts, a card.

    Args:
        trained: The network.
        corpus: Which tells its history.
        out: The folder, which must not be there yet.

    Raises:
        UserError: Its task is not of pictures, or the folder cannot be written.
    """
    spec = trained.plan.spec
    if len(spec.sample_shape) != 3:
        raise UserError(
            f"{trained.kept.name} is of the task {spec.task}; only networks of pictures can be "
            "packed so far: `lemur2 weights export` writes its weights"
        )
    built_with = _hyperparameters(trained, corpus)
    with new_folder(out) as folder:
        _write(folder / "net.py", trained.source)
        (folder / "model.safetensors").write_bytes(to_bytes(trained.weights))
        if trained.plan.transform_source:
            _write(folder / "transform.py", trained.plan.transform_source)
        _write(folder / "config.json", json.dumps(_config(trained, built_with), indent=1) + "\n")
        script = files("lemur2.prediction").joinpath("standalone.py").read_text("utf-8")
        _write(folder / "predict.py", script)
        _write(folder / "README.md", _card(trained, corpus, built_with))
    return out


def _hyperparameters(trained: Trained, corpus: Corpus) -> Mapping[str, Any]:
    """What the network was built with."""
    trials = corpus.trials(architecture=trained.kept.name)
    mine = next(each for each in trials if each.id == trained.kept.trial_id)
    return mine.result.hyperparameters


def _config(trained: Trained, built_with: Mapping[str, Any]) -> dict[str, Any]:
    spec = trained.plan.spec
    return {
        "name": trained.kept.name,
        "task": spec.task,
        "dataset": spec.name,
        "sample_shape": spec.sample_shape,
        "outputs": spec.outputs,
        "classes": spec.classes,
        "mean": spec.mean,
        "std": spec.std,
        "transform": trained.plan.transform,
        "prm": {"batch": 64, **built_with},
        "lemur2": __version__,
    }


def _card(trained: Trained, corpus: Corpus, built_with: Mapping[str, Any]) -> str:
    """The model card."""
    kept, plan = trained.kept, trained.plan
    trials = corpus.trials(architecture=kept.name)
    result = next(each.result for each in trials if each.id == kept.trial_id)
    stored = corpus.architecture(kept.name)
    parents = ", ".join(stored.parents) if stored is not None and stored.parents else "none"
    test = "not scored" if result.test_score is None else f"{result.test_score:.4f}"
    score = "unknown" if kept.score is None else f"{kept.score:.4f}"
    epochs = f"{kept.artifact.epoch} of {plan.protocol.epochs}"
    rows = "\n".join(f"| {name} | {value} |" for name, value in sorted(built_with.items()))
    return f"""---
library_name: pytorch
pipeline_tag: image-classification
tags:
- lemur2
- neural-architecture-search
---

# {kept.name}

A network of the task {plan.spec.task}, trained on the data set {plan.spec.name}
({plan.spec.sizes["train"]:,} samples, {len(plan.spec.classes)} classes).

## Scores

| part | {kept.metric} |
| --- | --- |
| validation, after epoch {epochs} (these weights) | {score} |
| test, after the last epoch | {test} |

The validation part chose the epoch. The test part chose nothing.

## Use

    python predict.py PICTURE [PICTURE ...]

It needs torch, torchvision and Pillow, and nothing else. `net.py` is the network, `transform.py`
what its inputs pass through, `model.safetensors` its weights, `config.json` what it was built with.

## Training

| setting | value |
| --- | --- |
{rows}
| seed | {plan.protocol.seed} |
| environment | {_spelled(result.environment)} |

Parents of the network: {parents}. Trial {kept.trial_id} of the corpus it comes from.

## Licence

The network's source, the data set and whatever the source was made from have licences of their
own, which this folder does not know. Look at them before you publish it.
"""


def _spelled(environment: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in environment.items() if value is not None)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
