"""A grammar, in llama.cpp's GBNF, of the files that the dictionary of operations allows."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lemur2.generators.transforms.operations import Operation


def composition_grammar(operations: Iterable[Operation], side: int) -> str:
    """What may follow `transforms.Compose([`: one to three operations, then the fixed end.

    Args:
        operations: The dictionary's; those that take tensors are left out.
        side: Pixels a side that images are resized to.
    """
    usable = [operation for operation in operations if not operation.takes_tensors]
    rules: dict[str, str] = {}
    calls = [_call(operation, rules) for operation in usable]
    fixed = "".join(
        f"        transforms.{step},\n"
        for step in (f"Resize(({side}, {side}))", "ToTensor()", "Normalize(*norm)")
    )
    lines = [
        "root ::= step (step step?)? " + json.dumps(f"{fixed}    ])\n"),
        f'step ::= "        transforms." ({" | ".join(calls)}) ",\\n"',
        *(f"{name} ::= {values}" for values, name in rules.items()),
    ]
    return "\n".join(lines) + "\n"


def _call(operation: Operation, rules: dict[str, str]) -> str:
    """The call of an operation; values that parameters share are rules that they share."""
    parts = [json.dumps(f"{operation.name}(")]
    for position, parameter in enumerate(operation.parameters):
        values = " | ".join(
            json.dumps(repr(parameter.value(index))) for index in range(parameter.size)
        )
        rule = rules.setdefault(values, f"values{len(rules)}")
        parts += [json.dumps(f"{', ' if position else ''}{parameter.name}="), rule]
    fixed = ", ".join(f"{name}={text}" for name, text in operation.fixed.items())
    comma = ", " if fixed and operation.parameters else ""
    return " ".join([*parts, json.dumps(f"{comma}{fixed})")])
