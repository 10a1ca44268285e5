"""The Net contract, checked on the syntax tree.

`class Net(nn.Module)` at the top level with `__init__(self, in_shape, out_shape, prm, device)`,
`train_setup(self, prm)`, `learn(self, train_data)` and `forward(self, ...)`, each its own or
inherited from a class in the same file. What only running tells (a base class from elsewhere that
brings a method) is tolerated with a warning and left to screening.
"""

import ast
from collections.abc import Iterator

from lemur2.architecture.toplevel import classes, last_function, last_value
from lemur2.architecture.verdict import Refusal, Verdict

# Method: the parameters after `self` that the callers pass, by position. `forward` varies.
_METHODS: dict[str, tuple[str, ...]] = {
    "__init__": ("in_shape", "out_shape", "prm", "device"),
    "train_setup": ("prm",),
    "learn": ("train_data",),
    "forward": (),
}
# Bases from elsewhere that are known to bring none of the methods.
_BARE_BASES = frozenset({"nn.Module", "torch.nn.Module", "Module", "object", "ABC", "abc.ABC"})


def check_net(tree: ast.Module) -> tuple[list[Refusal], list[str]]:
    """Check class Net and its methods.

    Returns:
        All that keeps the contract from holding, each with verdict `contract` and what to write;
        and warnings about tolerated deviations.
    """
    known = classes(tree)
    net, faults = known.get("Net"), []
    if net is None:
        net = _likely_net(known)
        faults.append(_no_net(net))
    elif not net.bases:
        reason = "class Net has no base class"
        faults.append(Refusal(Verdict.CONTRACT, reason, net.lineno, "write: class Net(nn.Module):"))
    warnings: list[str] = []
    lineage, foreign = _lineage(net, known) if net is not None else ([], [])
    for method, parameters in _METHODS.items():
        try:
            warnings += _check_method(method, parameters, lineage, foreign)
        except Refusal as refusal:
            faults.append(refusal)
    return faults, warnings


def _likely_net(known: dict[str, ast.ClassDef]) -> ast.ClassDef | None:
    """The class that is meant to be the network: the last module that no other class uses."""
    modules = [
        cls for cls in known.values() if any(_dotted(base).endswith("Module") for base in cls.bases)
    ]
    used = {
        node.id
        for cls in known.values()
        for node in ast.walk(cls)
        if isinstance(node, ast.Name) and node.id != cls.name
    }
    return next((cls for cls in reversed(modules) if cls.name not in used), None)


def _no_net(likely: ast.ClassDef | None) -> Refusal:
    reason, remedy = "there is no class Net at the top level", "name the network's class Net"
    if likely is None:
        return Refusal(Verdict.CONTRACT, reason, remedy=f"{remedy}: class Net(nn.Module):")
    written = f"class Net({', '.join(map(_dotted, likely.bases))}):"
    return Refusal(
        Verdict.CONTRACT, reason, likely.lineno, f"{remedy}; for {likely.name} write: {written}"
    )


def _lineage(
    net: ast.ClassDef, known: dict[str, ast.ClassDef]
) -> tuple[list[ast.ClassDef], list[str]]:
    """Net and its ancestors in this file, nearest first, and its bases from elsewhere."""
    lineage = {net.name: net}
    foreign: list[str] = []
    todo = [net]
    for cls in todo:  # grows while it is walked
        for base in map(_dotted, cls.bases):
            if base not in known:
                foreign.append(base)
            elif base not in lineage:
                lineage[base] = known[base]
                todo.append(known[base])
    return todo, [base for base in foreign if base not in _BARE_BASES]


def _dotted(expression: ast.expr) -> str:
    """`torch.nn.Module` as text; anything but a dotted name as "an expression"."""
    parts: list[str] = []
    while isinstance(expression, ast.Attribute):
        parts.append(expression.attr)
        expression = expression.value
    if not isinstance(expression, ast.Name):
        return "an expression"
    return ".".join(reversed([*parts, expression.id]))


def _check_method(
    method: str, parameters: tuple[str, ...], lineage: list[ast.ClassDef], foreign: list[str]
) -> Iterator[str]:
    """Find a method and check how it can be called; yields warnings."""
    for cls in lineage:
        if (function := last_function(cls.body, method)) is not None:
            yield from _check_parameters(function, parameters)
            return
        if last_value(cls.body, method) is not None:  # learn = _other_function
            return
    signature = ", ".join(("self", *parameters) if parameters else ("self", "x"))
    if not foreign:
        owner = lineage[0].name if lineage else "Net"
        raise Refusal(
            Verdict.CONTRACT,
            f"class {owner} has no method {method}",
            lineage[0].lineno if lineage else None,
            f"add: def {method}({signature}):",
        )
    yield f"class Net does not define {method}; taken to come from {' or '.join(foreign[:3])}"


def _check_parameters(function: ast.FunctionDef, expected: tuple[str, ...]) -> Iterator[str]:
    if not expected:
        return
    signature = ", ".join(("self", *expected))
    require_arguments(function, len(expected) + 1, f"({signature})")
    given = [a.arg for a in (*function.args.posonlyargs, *function.args.args)][1:]
    renamed = [
        f"{theirs} for {ours}"
        for theirs, ours in zip(given, expected, strict=False)
        if theirs != ours
    ]
    if renamed:
        yield f"line {function.lineno}: {function.name} takes {', '.join(renamed)}"


def require_arguments(function: ast.FunctionDef, count: int, wanted: str) -> None:
    """Refuse a function that cannot be called with exactly `count` positional arguments.

    Raises:
        Refusal: With verdict `contract`.
    """
    arguments = function.args
    most = len(arguments.posonlyargs) + len(arguments.args)
    least = most - len(arguments.defaults)
    needs_keywords = any(default is None for default in arguments.kw_defaults)
    if needs_keywords or not least <= count or (most < count and arguments.vararg is None):
        raise Refusal(
            Verdict.CONTRACT,
            f"{function.name} cannot be called as the contract has it",
            function.lineno,
            f"write: def {function.name}{wanted}:",
        )
