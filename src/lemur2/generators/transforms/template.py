"""A composition as a file that defines `transform(norm)`."""

from __future__ import annotations

from collections.abc import Mapping

from lemur2.generators.transforms.operations import Operation
from lemur2.generators.transforms.space import Composition

_FILE = """\
from torchvision import transforms


def transform(norm):
    return transforms.Compose([
{steps}
    ])
"""


def write_source(composition: Composition) -> str:
    """The file: the chosen operations, `Resize`, `ToTensor`, `Normalize`.

    What takes tensors stands between the last two.
    """
    calls = list(zip(composition.operations, composition.arguments, strict=True))
    side = composition.side
    steps = [
        *(_call(*each) for each in calls if not each[0].takes_tensors),
        f"Resize(({side}, {side}))",
        "ToTensor()",
        *(_call(*each) for each in calls if each[0].takes_tensors),
        "Normalize(*norm)",
    ]
    return _FILE.format(steps="\n".join(f"        transforms.{step}," for step in steps))


def _call(operation: Operation, arguments: Mapping[str, object]) -> str:
    written = {name: repr(value) for name, value in arguments.items()} | dict(operation.fixed)
    return f"{operation.name}({', '.join(f'{k}={v}' for k, v in written.items())})"
