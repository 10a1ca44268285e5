"""How a class is constructed: which of its parameters say the sizes that a network is made with."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from lemur2.errors import UserError
from lemur2.suggestions import did_you_mean

# What people call the channels of the input, the number of classes, the side of a square input.
CHANNELS = frozenset(
    {
        *("in_channels", "in_chans", "in_ch", "in_channel", "input_channels", "n_channels"),
        *("num_channels", "channels", "inchannels", "channels_in", "c_in", "cin", "input_dim_c"),
    }
)
CLASSES = frozenset(
    {
        *("num_classes", "n_classes", "classes", "nclasses", "num_class", "n_class", "nclass"),
        *(
            "out_features",
            "num_outputs",
            "n_outputs",
            "output_dim",
            "out_dim",
            "n_out",
            "num_labels",
        ),
        *("class_num", "out_classes", "num_cls"),
    }
)
SIDES = frozenset(
    {"img_size", "image_size", "input_size", "imgsize", "resolution", "input_resolution", "img_dim"}
)


@dataclass(frozen=True)
class Constructor:
    """What a class is called with.

    Attributes:
        name: Of the class.
        arguments: Text of each argument, by parameter.
    """

    name: str
    arguments: dict[str, str]

    @property
    def call(self) -> str:
        """The arguments of a call, as text."""
        return ", ".join(f"{name}={text}" for name, text in self.arguments.items())


def modules_in(tree: ast.Module) -> list[str]:
    """Names of the classes at the top level that are, or may be, modules of torch."""
    kinds: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
            if bases & {"Module", "Sequential", "ModuleList", *kinds}:
                kinds.append(node.name)
    return kinds


def constructor(tree: ast.Module, wanted: str, place: str) -> Constructor:
    """How a class of a file is constructed for an input's channels, side and classes.

    Args:
        tree: The file.
        wanted: Name of the class; "" takes the file's only module, or its last one.
        place: What to call the file in messages.

    Raises:
        UserError: There is no such class, or it has to be given what nothing says.
    """
    kinds = modules_in(tree)
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if not wanted and not kinds:
        raise UserError(f"{place} has no class that is a torch.nn.Module; name one as FILE:Class")
    name = wanted or kinds[-1]
    if name not in classes:
        hint = did_you_mean(name, classes, f"it has {', '.join(kinds) or 'none'}")
        raise UserError(f"{place} has no class {name}; {hint}")
    arguments: dict[str, str] = {}
    for parameter, default in _parameters(classes[name]):
        text = _size(parameter, default)
        if text is not None:
            arguments[parameter] = text
        elif default is None:
            raise UserError(
                f"{place}: {name} has to be given {parameter}, which nothing says; give the "
                "parameter a default"
            )
    return Constructor(name, arguments)


def _parameters(node: ast.ClassDef) -> list[tuple[str, ast.expr | None]]:
    """Parameters of the constructor with their defaults, but for `self`."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            given = each.args
            positional = [*given.posonlyargs, *given.args][1:]
            missing = len(positional) - len(given.defaults)
            defaults = [*[None] * max(0, missing), *given.defaults[-len(positional) or None :]]
            named = zip(given.kwonlyargs, given.kw_defaults, strict=True)
            found = list(zip((a.arg for a in positional), defaults, strict=True))
            return [*found, *((a.arg, default) for a, default in named)]
    return []


def _size(parameter: str, default: ast.expr | None) -> str | None:
    """What a parameter is given, where it says a size; None where it does not."""
    name = parameter.lower()
    if name in CHANNELS:
        return "in_shape[1]"
    if name in CLASSES:
        return "out_shape[0]"
    if name in SIDES:
        pair = isinstance(default, ast.Tuple | ast.List)
        return "tuple(in_shape[2:])" if pair else "in_shape[2]"
    return None
