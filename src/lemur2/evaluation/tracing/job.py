"""The tracing job: build a network and run it, watched; what was seen, as JSON."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network
from lemur2.evaluation.initialisation import cheap_initialisation
from lemur2.evaluation.screening import BATCH, Shapes, small
from lemur2.evaluation.tracing import symbols
from lemur2.evaluation.tracing.instrument import Instrumented
from lemur2.evaluation.tracing.leaf_tracer import LeafTracer, paths
from lemur2.evaluation.tracing.module_source_tracer import Made, ModuleSourceTracer
from lemur2.evaluation.tracing.sizes import candidate_line
from lemur2.tasks import Task

_MAX_NAMED = 20_000


def trace(
    source: str, task: Task, attempts: Sequence[Shapes], device: torch.device
) -> dict[str, Any]:
    """Trace a network at the first of the shapes that it works at.

    Returns:
        `size`, `nodes`, `values`, `sites`, `equal`, `conditions`, `modules`, `outputs`,
        `functions`, `names`, `unknown`; see `lemur2.evaluation.trace`.

    Raises:
        Refusal: Where it works at none, or not on traced numbers.
    """
    torch.manual_seed(0)
    for index, shapes in enumerate(attempts):
        try:
            return _Job(source, task, shapes, device).run()
        except Refusal as refusal:
            sized = refusal.verdict in (Verdict.BUILD, Verdict.SHAPE)
            if index + 1 == len(attempts) or not sized:
                raise
    raise AssertionError("no shapes to try")


class _Job:
    def __init__(self, source: str, task: Task, shapes: Shapes, device: torch.device) -> None:
        self.source, self.task, self.shapes, self.device = source, task, shapes, device
        self.tape = symbols.start(candidate_line)
        self.leaves = LeafTracer(self.tape)
        self.makers = ModuleSourceTracer()
        self.program: Instrumented
        self.order: dict[int, dict[str, Any]] = {}

    def run(self) -> dict[str, Any]:
        inputs = self.shapes.example(self.task)[0].to(self.device)
        module = self._load()
        prm = network.parameters(
            network.declared(module), {}, batch=BATCH, transform="norm", epochs=1
        )
        with (
            torch.no_grad(),
            cheap_initialisation(),
            self.leaves.without_initialisers(),
            self.makers.reading(),
        ):
            with self.makers.watching(), self.leaves.watching():
                shape, outputs = tuple(inputs.shape), self.shapes.outputs
                net = network.build(module, shape, outputs, prm, self.device)
            for mode in (True, False):
                self._forward(net.train(mode), inputs)
        return self._report(net, module)

    def _load(self) -> ModuleType:
        """The candidate as a module, instrumented. Its own line numbers stay."""
        name = network.FILE_NAME
        module = ModuleType(network.MODULE_NAME)
        module.__file__ = name
        sys.modules[network.MODULE_NAME] = module
        lines = self.source.splitlines(True)
        linecache.cache[name] = (len(self.source), None, lines, name)
        with network.stage(Verdict.IMPORT):
            self.program = Instrumented(self.source, name, self.tape)
            vars(module).update(self.program.names())
            with self.leaves.watching():
                exec(self.program.code, vars(module))
        return module

    def _forward(self, net: torch.nn.Module, inputs: torch.Tensor) -> None:
        watched = paths(self.leaves, net, self._ran)
        with watched, network.stage(Verdict.SHAPE), self.leaves.watching():
            output = net(inputs)
        self.task.predictions(output, inputs, self.shapes.outputs)
        for leaf in tree_leaves(output):
            if isinstance(leaf, torch.Tensor):
                for node in self.leaves.dims(leaf):
                    self.leaves.hold(node)

    def _ran(self, name: str, module: torch.nn.Module, args: Any, output: Any) -> None:
        found = self.order.setdefault(
            id(module),
            {"order": len(self.order), "calls": 0, "inputs": [], "outputs": []},
        )
        found["calls"] += 1
        found["inputs"] = [list(self.leaves.dims(each)) for each in _tensors(args)[:4]]
        found["outputs"] = [list(self.leaves.dims(each)) for each in _tensors(output)[:4]]

    def _report(self, net: torch.nn.Module, module: ModuleType) -> dict[str, Any]:
        tape = self.tape
        modules = [self._module(name, each) for name, each in net.named_modules()]
        return {
            "size": self.shapes.size,
            "modules": modules[:_MAX_NAMED],
            "sites": [
                [each.kind, *each.start, *each.end, each.count, len(each.values)]
                for each in self.program.sites
            ],
            "equal": [
                [one, other, where.module, where.operation, where.line]
                for (one, other), where in self.leaves.equal.items()
            ],
            "conditions": [[*key, line] for key, line in tape.conditions.items()],
            "functions": [[name, *where] for name, where in self.leaves.functions],
            "names": _names(module),
            "unknown": self.leaves.unknown,
            "nodes": [list(node) for node in tape.nodes],  # last: what is above may add some
            "values": tape.values,
        }

    def _module(self, name: str, module: torch.nn.Module) -> dict[str, Any]:
        made = self.makers.made.get(id(module), Made([], {}))
        kind = type(module)
        return {
            "name": name,
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "read": id(module) in self.makers.read,
            "stack": [list(each) for each in made.stack],
            "arguments": dict(self._arguments(made.arguments)),
            "parameters": {
                key: list(self.leaves.dims(each))
                for key, each in module.named_parameters(recurse=False)
            },
            **self.order.get(id(module), {"order": -1, "calls": 0, "inputs": [], "outputs": []}),
        }

    def _arguments(self, arguments: Mapping[str, Any]) -> list[tuple[str, Any]]:
        """Arguments that are numbers, or tuples of numbers, as nodes; flags as they are."""
        found: list[tuple[str, Any]] = []
        for name, value in arguments.items():
            if name.endswith("_"):  # torch's own layers' local variables
                continue
            if isinstance(value, bool | str) or value is None:
                found.append((name, {"value": value if not isinstance(value, str) else value[:99]}))
            elif symbols.is_number(value):
                found.append((name, self.tape.of(value)))
            elif isinstance(value, tuple | list) and value and all(map(symbols.is_number, value)):
                found.append((name, [self.tape.of(each) for each in value]))
        return found


def _tensors(value: Any) -> list[torch.Tensor]:
    return [each for each in tree_leaves(value) if isinstance(each, torch.Tensor)]


def _names(module: ModuleType) -> dict[str, str]:
    """How the file spells the packages that new layers are taken from."""
    wanted = {"torch": torch, "nn": torch.nn, "functional": torch.nn.functional}
    found = {}
    for key, package in wanted.items():
        names = [name for name, value in vars(module).items() if value is package]
        if names:
            found[key] = min(names, key=len)
    return found


def warm_up() -> None:
    """Trace a small trusted network, as `screening.warm_up` screens one."""
    if not torch.cuda.is_available():
        trace(*small(), torch.device("cpu"))
