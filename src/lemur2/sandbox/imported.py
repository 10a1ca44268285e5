"""What the allowed packages import, found out by importing them once in a trusted process.

Requirement lists do not tell: a package may import what it does not declare, and what it finds
installed. The answer is kept in the cache, for as long as the installed packages are the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
import os
import secrets
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

_VERSION = 1
_TRANSFORMERS = (
    *("modeling_utils", "activations", "configuration_utils", "tokenization_utils_base"),
    *("image_processing_utils", "modeling_outputs", "pytorch_utils", "cache_utils"),
    *(
        f"models.{name}.modeling_{name}"
        for name in (
            *("auto", "beit", "bert", "clip", "convnext", "deit", "gpt2", "mobilevit", "resnet"),
            *("roberta", "segformer", "swin", "t5", "vit", "vit_mae", "llama", "detr"),
        )
    ),
    *("models.clip.tokenization_clip", "models.bert.tokenization_bert"),
    *("models.auto.tokenization_auto", "models.auto.image_processing_auto"),
)
# Package: the modules beneath it that networks are usually written with.
MODULES: dict[str, Sequence[str]] = {
    "einops": ("layers.torch",),
    "timm": ("models", "layers", "data", "loss", "optim", "scheduler", "utils"),
    "torchvision": ("models", "models.detection", "models.segmentation", "ops", "transforms.v2"),
    "transformers": _TRANSFORMERS,
}


def distributions(cache: Path | None) -> list[str]:
    """Names of the distributions that importing the allowed packages imports.

    Call it where one thread runs and nothing untrusted has: it forks.

    Args:
        cache: Folder to keep the answer in; None to ask anew.
    """
    installed = [package for package in MODULES if find_spec(package) is not None]
    file = cache / "imports" / f"{_key(installed)}.json" if cache is not None else None
    if file is not None and (known := _read(file)) is not None:
        return known
    found = sorted({name for package in installed for name in _ask(package)})
    if file is not None:
        _write(file, found)
    return found


def _key(packages: Iterable[str]) -> str:
    """Of this Python and everything installed in it: what is imported may depend on all of it."""
    entries: list[str] = [str(_VERSION), sys.version, sys.prefix, *packages]
    for folder in sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
        with contextlib.suppress(OSError):
            entries += sorted(name for name in os.listdir(folder) if name.endswith("-info"))
    return hashlib.sha256("\n".join(entries).encode()).hexdigest()[:32]


def _read(file: Path) -> list[str] | None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, list) and all(isinstance(n, str) for n in found) else None


def _write(file: Path, found: list[str]) -> None:
    """Keep it, where there is room to: it is asked anew otherwise."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        aside = file.with_name(f".{secrets.token_hex(8)}")
        aside.write_text(json.dumps(found), encoding="utf-8")
        aside.replace(file)


def _ask(package: str) -> list[str]:
    """Import a package in a process of its own; the distributions that came with it."""
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        _import(package, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        text = answer.read()
    os.waitpid(process, 0)
    return list(json.loads(text)) if text else []


def _import(package: str, answer: int) -> None:
    """In the child: import, answer, leave. Never returns, whatever a package does."""
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        before = set(sys.modules)
        try:
            for name in (package, *(f"{package}.{each}" for each in MODULES[package])):
                with contextlib.suppress(ImportError):
                    importlib.import_module(name)
        finally:  # what went wrong is the candidates' to meet; what was imported counts
            tops = {name.partition(".")[0] for name in set(sys.modules) - before}
            owners = metadata.packages_distributions()
            names = sorted({owner for top in tops for owner in owners.get(top, ())})
            os.write(answer, json.dumps(names).encode())
    finally:
        os._exit(0)
