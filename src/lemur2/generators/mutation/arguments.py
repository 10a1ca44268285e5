"""Mutations of arguments that a call leaves to their defaults: they are written in."""

from __future__ import annotations

import ast
import math
import random
from collections.abc import Callable, Iterator, Mapping

from lemur2.evaluation.trace import numbers
from lemur2.generators.mutation.code_mutator import CodeMutator, Edit
from lemur2.generators.mutation.parent import Group, Parent
from lemur2.generators.mutation.plans import Plan
from lemur2.generators.mutation.solver import Refused

Propose = Callable[[], Plan]

_ORDER = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")


def groups(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Groups for convolutions that have none, where they divide the channels on both sides."""
    found = []
    for group in _convolutions(parent, "groups"):
        channels = [
            int(parent.trace.values[node])
            for module in group.modules
            for name in ("in_channels", "out_channels")
            for node in numbers(module.arguments.get(name))
        ]
        for number in (2, 4, 8):
            if math.gcd(*channels) % number == 0:
                found.append(_with(parent, "groups", group, {"groups": number}))
    rng.shuffle(found)
    yield from found


def dilations(parent: Parent, rng: random.Random) -> Iterator[Propose]:
    """Dilation 2 for convolutions that have none, with the padding that makes up for it."""
    found = []
    for group in _convolutions(parent, "dilation"):
        kernels, pads = (_shared(parent, group, name) for name in ("kernel_size", "padding"))
        if kernels is not None and pads is not None and kernels > 1 and kernels % 2 == 1:
            values = {"dilation": 2, "padding": pads + (kernels - 1) // 2}
            found.append(_with(parent, "dilation", group, values))
    rng.shuffle(found)
    yield from found


def _convolutions(parent: Parent, name: str) -> Iterator[Group]:
    """Convolutions of which the source does not say an argument, whose value is 1."""
    for group in parent.groups:
        nodes = [n for m in group.modules for n in numbers(m.arguments.get(name))]
        written = any(parent.solver.formulas.masks[node] for node in nodes)
        ones = bool(nodes) and all(parent.trace.values[node] == 1 for node in nodes)
        plain = group.first.of_torch and group.first.short in ("Conv1d", "Conv2d", "Conv3d")
        if plain and ones and not written:
            yield group


def _shared(parent: Parent, group: Group, name: str) -> int | None:
    """An argument's value where it is the same on all sides of all modules."""
    values = {
        int(parent.trace.values[node])
        for module in group.modules
        for node in numbers(module.arguments.get(name))
    }
    return values.pop() if len(values) == 1 else None


def _with(parent: Parent, kind: str, group: Group, values: Mapping[str, int]) -> Propose:
    def propose() -> Plan:
        call = parent.call(group)
        if call is None or not ast.unparse(call.func).endswith(group.first.short):
            raise Refused("the call is not spelled so that it can be changed")
        if any(isinstance(each, ast.Starred) for each in call.args) or any(
            keyword.arg is None for keyword in call.keywords
        ):
            raise Refused("the call is not spelled so that it can be changed")
        text = _rewritten(parent.code.text(group.position), call, values)
        says = ", ".join(f"{name} {value}" for name, value in values.items())
        edit = Edit(group.position, text)
        key = f"{kind} {edit.position} {text}"
        return Plan(kind=kind, edits=(edit,), says=f"{group.label}: {says}", key=key)

    return propose


def _rewritten(text: str, call: ast.Call, values: Mapping[str, int]) -> str:
    """A call's text with some arguments set: where they are, or at the end."""
    there: dict[str, ast.expr] = dict(zip(_ORDER, call.args, strict=False))
    there.update({each.arg: each.value for each in call.keywords if each.arg})
    edits, missing = [], []
    for name, value in values.items():
        if name in there:
            node = there[name]
            end = (node.end_lineno or 0, node.end_col_offset or 0)
            edits.append(Edit((node.lineno, node.col_offset, *end), str(value)))
        else:
            missing.append(f"{name}={value}")
    changed = CodeMutator(f"({text}\n)").apply(edits)[1:-2]
    if not missing:
        return changed
    inside = changed[: changed.rindex(")")]
    comma = "" if inside.rstrip().endswith(",") else ", "
    return f"{inside.rstrip()}{comma or ' '}{', '.join(missing)})"
