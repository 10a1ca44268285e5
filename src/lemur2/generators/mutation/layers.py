"""Mutations of layers: another class, one more, one less, one again."""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable, Iterator, Mapping

from lemur2.evaluation.trace import Position
from lemur2.generators.mutation import blocks
from lemur2.generators.mutation.code_mutator import Edit
from lemur2.generators.mutation.parent import Group, Parent, parsed_call
from lemur2.generators.mutation.plans import Plan
from lemur2.generators.mutation.solver import Refused

Propose = Callable[[], Plan]

_ACTIVATIONS = {
    "ReLU": "ReLU()",
    "LeakyReLU": "LeakyReLU(0.1)",
    "GELU": "GELU()",
    "SiLU": "SiLU()",
    "ELU": "ELU()",
    "Mish": "Mish()",
    "Hardswish": "Hardswish()",
    "PReLU": "PReLU()",
    "SELU": "SELU()",
    "CELU": "CELU()",
    "Softplus": "Softplus()",
    "Tanh": "Tanh()",
    "ReLU6": "ReLU6()",
}
_FUNCTIONS = ("relu", "gelu", "silu", "elu", "mish", "hardswish", "leaky_relu", "selu", "relu6")
_CHANNEL_NORMS = ("BatchNorm", "InstanceNorm", "GroupNorm")
_IDENTITIES = ("Dropout", "Norm", *_ACTIVATIONS)
_WIDE = (2048, 1 << 14)
_RECURRENT = ("LSTM", "GRU", "RNN")
_LAYERS_AT = 2  # the place of `num_layers` in their calls


def activations(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another activation: of the modules that one call makes, or of one function call."""
    found: list[Propose] = []
    for group in _made_by_class(parent):
        if group.first.of_torch and group.first.short in _ACTIVATIONS:
            for name, text in _ACTIVATIONS.items():
                if name != group.first.short:
                    found.append(_replace(parent, "activation", group, "nn", text))
    for name, position in parent.trace.functions:
        if name in _FUNCTIONS:
            found += [
                _function(parent, name, position, other) for other in _FUNCTIONS if other != name
            ]
    rng.shuffle(found)
    yield from found


def _function(parent: Parent, name: str, position: Position, other: str) -> Propose:
    def propose() -> Plan:
        text = parent.code.text(position)
        call = parsed_call(text)
        spelled = parent.trace.names.get("functional")
        if call is None or not call.args or not ast.unparse(call.func).endswith(name):
            raise Refused("the call is not spelled so that it can be changed")
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Call):
            raise Refused("the call is not spelled so that it can be changed")
        argument = segment(text, call.args[0])
        prefix = spelled or f"{_package(parent, 'nn')}.functional"
        edit = Edit(position, f"{prefix}.{other}({argument})")
        says = f"line {position[0]}: {name} -> {other}"
        return _plan("activation", [edit], says)

    return propose


def normalizations(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Another normalisation over the same channels."""
    found: list[Propose] = []
    for group in _made_by_class(parent):
        kind = group.first.short
        rank = _rank(parent, group)
        if not (group.first.of_torch and kind.startswith(_CHANNEL_NORMS) and rank in (3, 4, 5)):
            continue
        channels = _channels_text(parent, group)
        if channels is None:
            continue
        sizes = [parent.trace.shape(m.outputs[0])[1] for m in group.modules if m.outputs]
        shared = math.gcd(*sizes)
        options = [f"BatchNorm{rank - 2}d({channels})"]
        sides = [parent.trace.shape(m.outputs[0])[2:] for m in group.modules if m.outputs]
        if all(math.prod(side) > 1 for side in sides):  # of one value there is no spread
            options.append(f"InstanceNorm{rank - 2}d({channels}, affine=True)")
        options += [f"GroupNorm({g}, {channels})" for g in (32, 8, 4, 1) if shared % g == 0]
        found += [
            _replace(parent, "normalization", group, "nn", text)
            for text in options
            if not text.startswith(f"{kind}(")
        ]
    rng.shuffle(found)
    yield from found


def poolings(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Mean for maximum, or the other way."""
    found: list[Propose] = []
    for group in _made_by_class(parent):
        kind = group.first.short
        if (
            not group.first.of_torch
            or "Pool" not in kind
            or group.first.flags.get("return_indices")
        ):
            continue
        call = parent.call(group)
        if call is None:
            continue
        other = kind.replace("Max", "\0").replace("Avg", "Max").replace("\0", "Avg")
        keep = 1 if kind.startswith("Adaptive") else 3
        text = parent.code.text(group.position)
        arguments = [segment(text, each) for each in call.args[:keep]]
        names = ("output_size", "kernel_size", "stride", "padding", "ceil_mode")
        arguments += [
            f"{each.arg}={segment(text, each.value)}" for each in call.keywords if each.arg in names
        ]
        found.append(_replace(parent, "pooling", group, "nn", f"{other}({', '.join(arguments)})"))
    rng.shuffle(found)
    yield from found


def insertions(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """A layer more, after one that is there."""
    found: list[Propose] = []
    for group in _made_by_class(parent):
        rank = _rank(parent, group)
        if (
            not group.first.of_torch
            or len(group.first.outputs) != 1
            or not _one_rank(parent, group)
        ):
            continue
        for text, needs in _insertable(parent, group, rank):
            found.append(_wrap(parent, group, text, needs))
    rng.shuffle(found)
    yield from found


def _insertable(parent: Parent, group: Group, rank: int) -> Iterator[tuple[str, str]]:
    """What can come after a group's modules: its text, and the block class that it needs."""
    kind = group.first.short
    computes = kind.startswith(("Conv", "Linear"))
    widths = {parent.trace.shape(m.outputs[0])[1] for m in group.modules if m.outputs and rank > 1}
    width = _output_text(parent, group) or (str(widths.pop()) if len(widths) == 1 else None)
    sides = [parent.trace.shape(m.outputs[0])[2:] for m in group.modules if m.outputs]
    if computes and not _is_last(parent, group):
        for name in ("GELU()", "SiLU()", "LeakyReLU(0.1)"):
            yield name, ""
    if kind in _ACTIVATIONS and rank in (2, 4):
        yield ("Dropout2d(0.1)" if rank == 4 else "Dropout(0.1)"), ""
    if width is None or _is_last(parent, group):
        return
    if computes and rank in (2, 4):
        many = rank == 2 or all(math.prod(each) > 1 for each in sides)
        if many:
            yield f"BatchNorm{'1d' if rank == 2 else '2d'}({width})", ""
        if rank == 2:
            yield f"LayerNorm({width})", ""
        else:
            yield f"GroupNorm(1, {width})", ""
    if rank == 4 and (computes or kind in _ACTIVATIONS or "Norm" in kind):
        yield f"SqueezeExcite({width})", "SqueezeExcite"
        yield f"ConvBlockAttention({width})", "ConvBlockAttention"
        if widths or group.first.outputs:
            yield f"ResidualConv({width})", "ResidualConv"


def deletions(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """A layer less: an identity in its place, where sizes are the same before and after."""
    found = [
        _replace(parent, "delete", group, "nn", "Identity()")
        for group in _made_by_class(parent)
        if _keeps_shape(parent, group)
        and group.first.short != "Identity"
        and not _between_in_place(parent, group)
    ]
    rng.shuffle(found)
    yield from found


def repetitions(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """A layer or block once more, where sizes are the same before and after."""
    found = [_deeper(parent, group) for group in _made_by_class(parent) if _is_recurrent(group)]
    found += [
        _again(parent, group)
        for group in _made_by_class(parent)
        if _keeps_shape(parent, group)
        and any(_has_parameters(parent, module.name) for module in group.modules)
    ]
    rng.shuffle(found)
    yield from found


def _has_parameters(parent: Parent, name: str) -> bool:
    return any(
        module.parameters and (module.name == name or module.name.startswith(f"{name}."))
        for module in parent.trace.modules
    )


def _is_recurrent(group: Group) -> bool:
    return group.first.of_torch and group.first.short in _RECURRENT


def _deeper(parent: Parent, group: Group) -> Propose:
    """One more of the layers that a recurrent module stacks."""

    def propose() -> Plan:
        call = parent.call(group)
        layers = group.first.arguments.get("num_layers")
        if call is None or not isinstance(layers, int) or _is_starred(call):
            raise Refused("the call is not spelled so that it can be changed")
        old = int(parent.trace.values[layers])
        new = ast.Constant(old + 1)
        if len(call.args) > _LAYERS_AT:
            call.args[_LAYERS_AT] = new
        else:
            kept = [each for each in call.keywords if each.arg != "num_layers"]
            call.keywords = [*kept, ast.keyword("num_layers", new)]
        edit = Edit(group.position, ast.unparse(call))
        return _plan("repeat", [edit], f"{group.label}: num_layers {old} -> {old + 1}")

    return propose


def _is_starred(call: ast.Call) -> bool:
    return any(isinstance(each, ast.Starred) for each in call.args) or any(
        each.arg is None for each in call.keywords
    )


def _again(parent: Parent, group: Group) -> Propose:
    def propose() -> Plan:
        text = parent.code.text(group.position)
        edit = Edit(group.position, f"{_package(parent, 'nn')}.Sequential({text}, {text})")
        return _plan("repeat", [edit], f"{group.label}: {group.first.short} twice")

    return propose


def _wrap(parent: Parent, group: Group, text: str, needs: str) -> Propose:
    def propose() -> Plan:
        nn = _package(parent, "nn")
        old = parent.code.text(group.position)
        new, edits = f"{nn}.{text}", []
        if needs:
            name, edit = blocks.definition(parent, needs, nn)
            new = text.replace(needs, name, 1)
            edits = [edit] if edit is not None else []
        edits.append(Edit(group.position, f"{nn}.Sequential({old}, {new})"))
        says = f"{group.label}: {group.first.short} followed by {text}"
        return _plan("insert", edits, says)

    return propose


def _replace(parent: Parent, kind: str, group: Group, package: str, text: str) -> Propose:
    def propose() -> Plan:
        edit = Edit(group.position, f"{_package(parent, package)}.{text}")
        old = " ".join(parent.code.text(group.position).split())
        return _plan(kind, [edit], f"{group.label}: {old} -> {text}")

    return propose


def _plan(kind: str, edits: list[Edit], says: str) -> Plan:
    key = f"{kind} " + " ".join(f"{edit.position}{edit.text}" for edit in edits)
    return Plan(kind=kind, edits=tuple(edits), says=says, key=key)


def _package(parent: Parent, package: str) -> str:
    """How the file spells a package of torch's."""
    names: Mapping[str, str] = parent.trace.names
    if package in names:
        return names[package]
    if "torch" in names:
        return f"{names['torch']}.{package}"
    raise Refused("the file has no name for torch.nn")


def _made_by_class(parent: Parent) -> list[Group]:
    """Groups whose call is that of a class, and whose modules nothing reads from outside."""
    found = []
    for group in parent.groups:
        call = parent.call(group)
        read = any(module.read for module in group.modules)
        if call is not None and not isinstance(call.func, ast.Call) and not read:
            found.append(group)
    return found


def _keeps_shape(parent: Parent, group: Group) -> bool:
    """Whether all of a group's modules take one tensor and give one of the same shape."""
    for module in group.modules:
        if not module.calls:
            continue
        if len(module.inputs) != 1 or len(module.outputs) != 1:
            return False
        if parent.trace.shape(module.inputs[0]) != parent.trace.shape(module.outputs[0]):
            return False
    return True


def _between_in_place(parent: Parent, group: Group) -> bool:
    """Whether what comes next would overwrite what an activation before needs for its gradient."""
    ran = {module.order: module for module in parent.trace.modules if module.of_torch}
    orders = sorted(ran)
    for module in group.modules:
        after = [ran[order] for order in orders if order > module.order][:1]
        before = [ran[order] for order in orders if 0 <= order < module.order][-1:]
        if any(each.flags.get("inplace") is True for each in after) and any(
            each.short in _ACTIVATIONS for each in before
        ):
            return True
    return False


def _rank(parent: Parent, group: Group) -> int:
    module = next((m for m in group.modules if m.outputs), None)
    return len(module.outputs[0]) if module else 0


def _one_rank(parent: Parent, group: Group) -> bool:
    return len({len(m.outputs[0]) for m in group.modules if m.outputs}) == 1


def _is_last(parent: Parent, group: Group) -> bool:
    """Whether a group has the module that computes the network's output."""
    computing = [m for m in parent.trace.modules if m.parameters and m.calls]
    last = max(computing, key=lambda m: m.order, default=None)
    return last is not None and any(m.name == last.name for m in group.modules)


def _channels_text(parent: Parent, group: Group) -> str | None:
    """How a normalisation's call spells its channels."""
    position = 1 if group.first.short == "GroupNorm" else 0
    return _argument_text(parent, group, position, ("num_features", "num_channels"))


def _output_text(parent: Parent, group: Group) -> str | None:
    """How a layer's call spells its output channels or features."""
    if not group.first.short.startswith(("Conv", "Linear")):
        return None
    call = parent.call(group)
    lazy = call is not None and "Lazy" in ast.unparse(call.func)  # which is given no input's size
    return _argument_text(parent, group, 0 if lazy else 1, ("out_channels", "out_features"))


def _argument_text(
    parent: Parent, group: Group, position: int, names: tuple[str, ...]
) -> str | None:
    call = parent.call(group)
    if call is None or any(isinstance(each, ast.Starred) for each in call.args):
        return None
    text = parent.code.text(group.position)
    if position < len(call.args):
        return segment(text, call.args[position])
    for keyword in call.keywords:
        if keyword.arg in names:
            return segment(text, keyword.value)
    return None


def segment(text: str, node: ast.expr) -> str:
    """The text of a part of a call that `parsed_call` parsed, on one line where it is code."""
    found = ast.get_source_segment(f"({text}\n)", node)
    return found if found is not None else ast.unparse(node)
