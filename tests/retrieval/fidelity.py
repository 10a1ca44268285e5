"""Compares extracted classes with their originals; run in a process of its own, see `compare`.

python fidelity.py LIBRARY COUNT_PER_ORIGIN SEED      a JSON line per block
"""

from __future__ import annotations

import importlib
import json
import random
import sys
import types
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.utils._pytree import tree_leaves

from lemur2.retrieval.library.shelf import BlockLibrary
from lemur2.retrieval.library.stages import Stage


def tensors(values):
    found = []
    for leaf in tree_leaves(values):
        inner = vars(leaf).values() if hasattr(leaf, "__dict__") else ()
        found += [leaf] if isinstance(leaf, torch.Tensor) else inner
    # Classes of tensors are two, the original's and the extracted one; what they hold is compared.
    return [each.as_subclass(torch.Tensor) for each in found if isinstance(each, torch.Tensor)]


def built(namespace, name, arguments):
    known = {"torch": torch, "nn": torch.nn, "partial": partial, "SimpleNamespace": SimpleNamespace}
    values = {key: eval(text, {**namespace, **known}) for key, text in arguments.items()}
    torch.manual_seed(0)
    return namespace[name](**values)


def outputs(module, inputs):
    torch.manual_seed(1)
    made = {name: eval(text, {"torch": torch, "B": 2}) for name, text in inputs.items()}
    torch.manual_seed(2)
    with torch.no_grad():
        return tensors(module(*made.values()) if "*" in made else module(**made))


def original_namespace(entry):
    module = importlib.import_module(entry.qualified_name.rpartition(".")[0])
    namespace = dict(vars(module))
    if entry.origin == "transformers":
        namespace["PreTrainedConfig"] = importlib.import_module("transformers").PreTrainedConfig
    return namespace


def compared(entry, original):
    """None where outputs agree with those of the original's module, else what differs."""
    extracted = types.ModuleType(f"lemur2_block_{entry.id}")
    sys.modules[extracted.__name__] = extracted
    exec(compile(entry.source, entry.qualified_name, "exec"), extracted.__dict__)
    found = entry.validation
    ours = built(extracted.__dict__, entry.class_name, found.arguments)
    theirs = built(original, entry.name, found.arguments)
    ours.load_state_dict(theirs.state_dict())
    for module in (ours, theirs):
        module.eval()
    one, other = outputs(ours, found.inputs), outputs(theirs, found.inputs)
    if not one or len(one) != len(other):
        return f"{len(one)} tensors against {len(other)}"
    for mine, original in zip(one, other, strict=True):
        if mine.shape != original.shape or mine.dtype != original.dtype:
            return f"{mine.shape} {mine.dtype} against {original.shape} {original.dtype}"
        if not torch.allclose(mine, original, atol=1e-6, equal_nan=True):
            return f"differs by {(mine - original).abs().max().item():.3g}"
    return None


def main(path, count, seed):
    torch.set_num_threads(1)
    with BlockLibrary(Path(path)) as library:
        entries = list(library.entries(at_least=Stage.FORWARD))
    for origin in sorted({entry.origin for entry in entries}):
        mine = [entry for entry in entries if entry.origin == origin]
        for entry in random.Random(seed).sample(mine, min(count, len(mine))):
            result = {"block": entry.qualified_name, "origin": origin}
            try:
                original = original_namespace(entry)
            except ImportError:  # the original wants a package that is not here
                continue
            try:
                result["difference"] = compared(entry, original)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what differs
                result["difference"] = f"{type(error).__name__}: {error}"[:300]
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
