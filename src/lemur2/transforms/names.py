"""Transforms by the field's names, and by those of installed packages, as source text.

Imports no torch.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

from lemur2.architecture.syntax import parse
from lemur2.errors import UsageError, UserError
from lemur2.registry import installed, load, warn
from lemur2.suggestions import did_you_mean

FAMILIES = ("norm", "echo", "complex")
GROUP = "lemur2.transforms"  # entry points: a name, and a function `transform(norm)`
SIZES = (None, 32, 64, 128, 256, 299, 512)

_NAME = re.compile(r"(?P<family>norm|echo|complex)(_(?P<size>\d+))?(?P<flip>_flip)?")


@dataclass(frozen=True)
class TransformSource:
    """A transform's name and the file that defines it.

    `source` defines `transform(norm)`, which returns a torchvision `Compose`; `norm` is the pair
    (mean, std) of the data set, one number a channel.
    """

    name: str
    source: str


def transform_names() -> tuple[str, ...]:
    """The names of the family: {norm, echo, complex} x {as it is, 32, ..., 512} x {plain, flip}.

    `norm` brings the shorter side to the size, crops the centre and normalises by the data set's
    mean and deviation; `echo` squeezes both sides to the size and scales to [0, 1]; `complex`
    is `echo` as complex numbers. `flip` mirrors every other image, at random. Then those of
    installed packages.
    """
    return (*_family(), *_installed())


def _family() -> tuple[str, ...]:
    return tuple(
        "_".join(part for part in (family, str(size or ""), flip) if part)
        for family in FAMILIES
        for size in SIZES
        for flip in ("", "flip")
    )


def transform_source(name_or_path: str | Path) -> TransformSource:
    """The source of a transform: written out for a name of the family, read for a file.

    That of an installed package's is an import of it: the package stays what it depends on.

    Raises:
        UsageError: Neither a name of the family nor a file.
        UserError: The file cannot be read or defines no `transform(norm)`.
    """
    text = str(name_or_path)
    if text in _family():
        return TransformSource(text, _render(text))
    if (point := _installed().get(text)) is not None:
        return TransformSource(text, _import_of(point))
    path = Path(name_or_path)
    if path.is_file():
        return TransformSource(path.stem, _read(path))
    hint = did_you_mean(text, transform_names(), f"names begin with {', '.join(FAMILIES)}")
    raise UsageError(f"unknown transform {text!r}, and no such file; {hint}")


def _installed() -> dict[str, EntryPoint]:
    return installed(GROUP, "transform", dict.fromkeys(_family()))


def import_installed() -> None:
    """Import what installed packages bring; of those that cannot be, a warning says why."""
    for point in _installed().values():
        try:
            load(point, "transform")
        except UserError as error:
            warn(str(error))


def _import_of(point: EntryPoint) -> str:
    name, *rest = point.attr.split(".")
    if not name.isidentifier():
        raise UserError(
            f"transform {point.name!r} at {point.value!r} names no function of a module"
        )
    value = ".".join([name, *rest])
    return f"from {point.module} import {name}\n\ntransform = {value}\n"


def _read(path: Path) -> str:
    try:
        source = path.read_text(encoding="utf-8")
        tree = parse(source)
    except (OSError, ValueError) as error:
        raise UserError(f"transform {path} cannot be read ({error})") from error
    except SyntaxError as error:
        raise UserError(
            f"transform {path} is not Python: line {error.lineno}: {error.msg}"
        ) from error
    if not any(
        isinstance(node, ast.FunctionDef) and node.name == "transform" for node in tree.body
    ):
        raise UserError(
            f"transform {path} defines no function transform(norm) at its top level; add one that "
            "returns a torchvision Compose"
        )
    return source


def _render(name: str) -> str:
    match = _NAME.fullmatch(name)
    assert match, name
    family, size = match["family"], match["size"]
    steps = []
    if size and family == "norm":
        steps += [f"transforms.Resize({size})", f"transforms.CenterCrop({size})"]
    elif size:
        steps += [f"transforms.Resize(({size}, {size}))"]
    if match["flip"]:
        steps += ["transforms.RandomHorizontalFlip()"]
    steps += _ENDINGS[family]
    lines = "".join(f"        {step},\n" for step in steps)
    header = _COMPLEX_HEADER if family == "complex" else _PLAIN_HEADER
    return f"{header}\n\ndef transform(norm):\n    return transforms.Compose([\n{lines}    ])\n"


_ENDINGS = {
    "norm": ["transforms.ToTensor()", "transforms.Normalize(*norm)"],
    "echo": ["transforms.ToTensor()"],
    "complex": ["ScaleToUnit()", "transforms.ToTensor()", "ToComplex()"],
}

_PLAIN_HEADER = "from torchvision import transforms\n"

_COMPLEX_HEADER = '''\
import numpy as np
import torch
from torchvision import transforms


class ScaleToUnit:
    """Image to float32 array in [0, 1]."""

    def __call__(self, image):
        return np.asarray(image, dtype=np.float32) / 255.0


class ToComplex:
    """Real tensor to complex tensor."""

    def __call__(self, values):
        return values.to(torch.complex64)
'''
