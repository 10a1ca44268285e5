"""A mixture's file, from its experts' files and the text that joins them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping

from lemur2.architecture.syntax import parse
from lemur2.generators.experts.blueprint import Blueprint
from lemur2.generators.experts.imports import Imports, bindings, free_name
from lemur2.generators.experts.mixture import write_mixture
from lemur2.generators.experts.part import NET, Part

_IDENTIFIED = re.compile(r"(.*?)-?([0-9a-f]{8})[0-9a-f-]{24,}")


def compose(
    blueprint: Blueprint, parts: Mapping[str, Part], hyperparameters: Iterable[str] = ()
) -> str:
    """The file of a mixture.

    Every name that an expert's file defines becomes `<expert>_<name>`, its class Net `<expert>`;
    imports are merged, and renamed where two files mean different things by one name. A new name
    is a word that stands in none of the files, so that nothing inside a function can hide it.

    Args:
        blueprint: The mixture.
        parts: Its experts' files by name.
        hyperparameters: What they declare, all together.

    Raises:
        Unclear: A file cannot stand beside the others; only reading its text tells.
    """
    labels = _labels(blueprint.experts)
    joint = write_mixture(blueprint, list(labels.values()), sorted(hyperparameters))
    tree = parse(joint)
    taken = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    words = set(re.findall(r"\w+", joint))
    for part in parts.values():
        words |= part.identifiers
    imports = Imports(taken | set(labels.values()))
    head = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imports.add(binding for node in head for binding in bindings(node))
    sections = []
    for name, label in labels.items():
        part = parts[name]
        new = _new_names(part, label, words)
        words |= set(new.values())
        imports.taken |= set(new.values())
        new |= imports.add(part.needed_imports)
        sections.append(f"# -- {name} {'-' * max(3, 92 - len(name))}\n\n\n{part.text(new)}")
    body = joint.splitlines()[max(node.end_lineno or 0 for node in head) :]
    lines = [f'"""{describe(blueprint)}\n"""', "", *imports.lines(), "", "", *sections]
    title = f"# -- mixture {'-' * 85}"
    return "\n".join(lines).rstrip() + f"\n\n\n{title}\n\n\n" + "\n".join(body).strip() + "\n"


def describe(blueprint: Blueprint) -> str:
    """What the mixture is, in a few lines of text."""
    names = ", ".join(blueprint.experts)
    of = f"{blueprint.number} x {names}" if blueprint.copies > 1 else names
    routing = f"top {blueprint.top}" if blueprint.top else "soft"
    extras = [
        f"noise {blueprint.noise}" if blueprint.noise else "",
        f"temperature {blueprint.temperature}" if blueprint.temperature != 1 else "",
        f"load-balance loss x {blueprint.balance}" if blueprint.balance else "",
        f"diversity loss x {blueprint.diversity}" if blueprint.diversity else "",
        "AdamW, mixup, label smoothing" if blueprint.recipe == "adamw" else "SGD",
    ]
    listed = ", ".join(filter(None, extras))
    return (
        f"Mixture of {blueprint.number} experts: {of}.\n\n"
        f"Routing: {routing}, {blueprint.gate} gate, {listed}."
    )


def _labels(names: Iterable[str]) -> dict[str, str]:
    """An identifier for each network: `BagNet`, `ga_mut_17`, `FractalNet_32f5a041`."""
    labels: dict[str, str] = {}
    for name in names:
        found = _IDENTIFIED.fullmatch(name)
        short = f"{found[1]}_{found[2]}" if found else name
        label = re.sub(r"\W+", "_", short).strip("_") or "expert"
        label = f"N{label}" if label[0].isdigit() else label
        label = f"{label}Expert" if label in (NET, "Gate", "math", "torch", "nn", "F") else label
        labels[name] = free_name(label, labels.values())
    return labels


def _new_names(part: Part, label: str, words: set[str]) -> dict[str, str]:
    taken = words - {label}
    new = {}
    for name in part.defined:
        wanted = label if name == NET else f"{label}_{name.lstrip('_')}"
        new[name] = wanted if name == NET else free_name(wanted, taken)
        taken.add(new[name])
    return new
