"""Worker side: does a network build, run, give the right shape and pass gradients?"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch.nn.parameter import is_lazy

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network, substitutes
from lemur2.evaluation.examples import SMALL_NETWORK
from lemur2.evaluation.initialisation import cheap_initialisation
from lemur2.evaluation.pipelines import pipeline
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.shapes import Attempt
from lemur2.evaluation.structure import Recorder
from lemur2.tasks import DEFAULT_TASK, InputPipeline, Task
from lemur2.tasks import task as task_by_name

BATCH = 2
_SEED = 0

OnNet = Callable[[torch.nn.Module], None]


@dataclass(frozen=True)
class Shapes:
    """What one attempt is made with.

    Attributes:
        size: What stands for it in the facts: pixels a side, or characters.
        sample: A sample's shape, no batch axis: raw where there is a pipeline.
        outputs: `out_shape`.
        pipeline: What turns raw samples into inputs; without one, inputs are drawn at random.
    """

    size: int
    sample: tuple[int, ...]
    outputs: tuple[int, ...]
    pipeline: InputPipeline | None = None

    def example(self, task: Task) -> tuple[torch.Tensor, torch.Tensor]:
        """A batch of inputs and targets."""
        inputs, targets = task.example(self.sample, self.outputs, BATCH, _SEED)
        if self.pipeline is not None:
            random = torch.Generator().manual_seed(_SEED)
            raw = torch.randint(256, (BATCH, *self.sample), dtype=torch.uint8, generator=random)
            with network.stage(Verdict.BUILD):
                inputs = self.pipeline.evaluate(raw)
        return inputs, targets


def shapes(tried: Sequence[Attempt], plan: Plan | None = None) -> list[Shapes]:
    """The shapes to screen with: those given, or those of a plan's data behind its transform.

    Raises:
        Refusal: (`import`) The transform's file fails.
    """
    if plan is None:
        return [Shapes(each.size, each.sample, each.outputs) for each in tried]
    prepares, sample = pipeline(plan), plan.spec.sample_shape
    size = prepares.sample_shape(sample)[-1] if prepares is not None else sample[-1]
    return [Shapes(size, sample, plan.spec.outputs, prepares)]


def screen(
    source: str,
    task: Task,
    attempts: Sequence[Shapes],
    device: torch.device,
    on_net: OnNet | None = None,
) -> dict[str, Any]:
    """Try the shapes in order; the facts of the first that works.

    `on_net` is called with every network that was built, before it runs; with one of lazy layers
    when it has run.

    Returns:
        The fields of `Facts` but `seconds`, which are the parent's to measure.

    Raises:
        Refusal: Where none works: that of the largest one tried.
    """
    base = _peak()
    torch.manual_seed(_SEED)
    module = network.load(source)
    names = network.declared(module)
    prm = network.parameters(names, {}, batch=BATCH, transform="norm", epochs=1)
    for index, shapes in enumerate(attempts):
        try:
            facts = _attempt(module, task, shapes, prm, device, on_net)
            break
        except Refusal as refusal:
            sized = refusal.verdict in (Verdict.BUILD, Verdict.SHAPE)
            if index + 1 == len(attempts) or not sized:
                raise
    facts["notes"] += substitutes.notes()
    return {**facts, "memory": max(0, _peak() - base)}


def _attempt(
    module: ModuleType,
    task: Task,
    shapes: Shapes,
    prm: dict[str, Any],
    device: torch.device,
    on_net: OnNet | None,
) -> dict[str, Any]:
    inputs, targets = (tensor.to(device) for tensor in shapes.example(task))
    with cheap_initialisation():
        net = network.build(module, inputs.shape, shapes.outputs, prm, device)
    lazy = any(map(is_lazy, net.parameters()))  # its layers are built when it first runs
    if on_net is not None and not lazy:
        on_net(net)
    ran = _forward_and_backward(net, task, shapes, inputs, targets)
    if on_net is not None and lazy:
        on_net(net)
    recorder, used = _evaluate(net, task, shapes, inputs)
    unused = _without_gradient(net, ran & used)
    task.check(net, inputs.shape[1:], shapes.outputs)
    return {
        "input_size": shapes.size,
        "sample_shape": tuple(inputs.shape[1:]),
        "outputs": shapes.outputs,
        "parameters": sum(p.numel() for p in net.parameters()),
        "flops": recorder.flops // BATCH if recorder.flops is not None else None,
        "structure_digest": recorder.digest(),
        "notes": [f"{len(unused)} parameters get no gradient: {unused[0]}, ..."] if unused else [],
    }


def _forward_and_backward(
    net: torch.nn.Module,
    task: Task,
    shapes: Shapes,
    inputs: torch.Tensor,
    targets: torch.Tensor,
) -> set[int]:
    """One training pass; the ids of the parameters whose modules ran in it."""
    net.train()
    with _watched(net) as ran:
        with network.stage(Verdict.SHAPE):
            output = net(inputs)
        task.predictions(output, inputs, shapes.outputs)
    with network.stage(Verdict.BACKWARD):
        loss = task.loss(output, inputs, targets, shapes.outputs)
        if not loss.requires_grad:
            raise Refusal(Verdict.BACKWARD, "the output does not depend on any parameter")
        loss.backward()
    return {id(p) for m in net.modules() if id(m) in ran for p in m.parameters(recurse=False)}


def _without_gradient(net: torch.nn.Module, expected: set[int]) -> list[str]:
    """Names of trainable parameters that got no gradient and are excused.

    Excused is what took no part: an auxiliary head that only training uses, an expert that the
    gate did not choose, a spare layer, a branch whose result nothing uses.

    Raises:
        Refusal: (`backward`) Where a parameter of a module that ran in training, and that the
            output uses, got none: something on its way is detached.
    """
    missing = []
    for name, parameter in net.named_parameters():
        if not parameter.requires_grad or parameter.grad is not None:
            continue
        if id(parameter) in expected:
            raise Refusal(Verdict.BACKWARD, f"no gradient reaches {name}, though it is used")
        missing.append(name)
    return missing


@contextmanager
def _watched(net: torch.nn.Module) -> Iterator[set[int]]:
    """Collects the ids of the modules that run."""
    ran: set[int] = set()
    hooks = [
        module.register_forward_pre_hook(lambda m, _: ran.add(id(m))) for module in net.modules()
    ]
    try:
        yield ran
    finally:
        for hook in hooks:
            hook.remove()


def _evaluate(
    net: torch.nn.Module, task: Task, shapes: Shapes, inputs: torch.Tensor
) -> tuple[Recorder, set[int]]:
    """The recorded evaluation pass, and the ids of the parameters behind its output."""
    net.eval()
    with network.stage(Verdict.SHAPE), torch.no_grad():
        with Recorder(net) as recorder:
            output = net(inputs)
        task.predictions(output, inputs, shapes.outputs)
    return recorder, recorder.behind(output)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def small() -> tuple[str, Task, list[Shapes]]:
    """A small trusted network, to use everything once that screening uses."""
    return SMALL_NETWORK, task_by_name(DEFAULT_TASK), [Shapes(32, (3, 32, 32), (10,))]


def warm_up() -> None:
    """Screen a small trusted network: lazy imports and first uses are paid for.

    No network is run where there is a GPU: autograd would start threads, which a fork does not
    carry over.
    """
    if not torch.cuda.is_available():
        screen(*small(), torch.device("cpu"))
