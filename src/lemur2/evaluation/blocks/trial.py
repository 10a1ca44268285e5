"""Import a block, find what it can be built from and run on, and run that once more."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network
from lemur2.evaluation.blocks import arguments, inputs, repair, settings
from lemur2.evaluation.blocks.arguments import Assignment, Hints, Settings
from lemur2.evaluation.blocks.conventions import usual
from lemur2.evaluation.blocks.inputs import Inputs
from lemur2.evaluation.initialisation import cheap_initialisation
from lemur2.retrieval.library.stages import Stage

_BATCH = 2
_BUILDS = 40  # constructions that are tried
_RUNS = 120  # forward passes that are tried, over all that was constructed
_RUN_EACH = 20  # of them, for one construction
_SETTINGS = 40  # settings that a configuration is given one by one

_MISSING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)")

_QUOTED = re.compile(r"['\"]([a-zA-Z][\w+-]*)['\"]")

OnStage = Callable[[Stage], None]


@dataclass
class _Found:
    """The best so far."""

    stage: Stage
    reason: str = ""
    arguments: dict[str, str] | None = None
    inputs: dict[str, str] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class _Failed(Exception):
    """Code of the block raised something."""

    def __init__(self, error: BaseException) -> None:
        refused = network.refusal(error, Verdict.BUILD)
        super().__init__(str(refused))
        self.error, self.refusal = error, refused


def _run(work: Callable[[], Any]) -> Any:
    """Run code of the block; whatever it raises becomes _Failed."""
    try:
        return work()
    except BaseException as error:  # noqa: BLE001 - untrusted code may raise anything at all
        raise _Failed(error) from None


def try_block(
    source: str, target: str, hints: Hints, seconds: float, on_stage: OnStage
) -> dict[str, Any]:
    """How far a block gets.

    Args:
        source: The block's file, which was found closed.
        target: The class in it.
        hints: What is known of its arguments.
        seconds: CPU time after which no further attempt is made.
        on_stage: Told of every stage that is reached, for when the process does not survive.

    Returns:
        `stage` and `reason` (why not the next one), and as far as it got: `arguments` and
        `inputs` (texts by name), `shapes` and `kinds` (of the inputs), `outputs` (a list of shapes,
        None for what is no tensor), `parameters`, `flops` (None where they cannot be counted),
        `batched` (the first output's batch follows the input's) and `seconds`.
    """
    started = time.process_time()
    search = _Search(target, hints, started + seconds, on_stage)
    found = search.best
    try:
        search.go(source)
    except Refusal as refusal:
        found.reason = str(refusal)
    except _Failed as failed:
        found.reason = str(failed)
    return {
        "stage": found.stage.value,
        "reason": found.reason,
        "arguments": found.arguments,
        "inputs": found.inputs,
        "seconds": time.process_time() - started,
        **found.facts,
    }


class _Search:
    """Over arguments, and for each construction over inputs."""

    def __init__(self, target: str, hints: Hints, deadline: float, on_stage: OnStage) -> None:
        self.target, self.hints, self.deadline = target, hints, deadline
        self.on_stage = on_stage
        self.best = _Found(Stage.CLOSED)
        self.runs = 0
        self.training = True
        self.named: set[str] = set()  # words that errors quote
        self.tried: set[str] = set()
        self.module = ModuleType(network.MODULE_NAME)

    def go(self, source: str) -> None:
        """All stages in turn. Raises Refusal or _Failed where one of the first is not passed."""
        self.module = network.load(source)
        self._reach(_Found(Stage.IMPORTED))
        kind = getattr(self.module, self.target, None)
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            raise Refusal(Verdict.CONTRACT, f"{self.target} is no subclass of nn.Module")
        self._reach(_Found(Stage.MODULE))
        torch.manual_seed(0)
        tried = _run(lambda: arguments.assignments(kind, self.module.__dict__, self.hints))
        waiting = deque(_run(lambda: list(islice(tried, _BUILDS))))
        while waiting and not self._over() and self.runs < _RUNS:
            assignment = waiting.popleft()
            self.named.clear()
            self._try(kind, assignment)
            waiting.extendleft(self._with_named(assignment))
            if "training" in self.best.reason or "targets" in self.best.reason:
                self.training = False  # blocks that want labels then; what they do else counts too
            if self.best.stage is Stage.BACKWARD:
                break

    def _with_named(self, assignment: Assignment) -> list[Assignment]:
        """With a string exchanged for one that an error named in quotes, each once."""
        texts = [n for n, v in assignment.items() if isinstance(v, str) and v.startswith('"')]
        fresh = [f'"{word}"' for word in sorted(self.named - self.tried)]
        self.tried |= self.named
        return [{**assignment, name: value} for value in fresh for name in texts]

    def _over(self) -> bool:
        return time.process_time() > self.deadline

    def _reach(self, found: _Found) -> None:
        """Keep what got further than the best before."""
        if found.stage.rank > self.best.stage.rank:
            self.on_stage(found.stage)
            self.best.__dict__.update(found.__dict__)

    def _fail(self, stage: Stage, reason: str) -> None:
        """Keep the first reason why a stage was the last."""
        self.named |= set(_QUOTED.findall(reason))
        if self.best.stage is stage and not self.best.reason:
            self.best.reason = reason

    def _try(self, kind: type, assignment: Assignment) -> None:
        try:
            built, assignment = self._build(kind, assignment)
        except _Failed as failed:
            self._fail(Stage.MODULE, str(failed))
            return
        parameters = sum(p.numel() for p in built.parameters())
        written = arguments.text(assignment)
        self._reach(_Found(Stage.BUILT, "", written, None, {"parameters": parameters}))
        self._forward(kind, assignment, built)

    def _build(self, kind: type, assignment: Assignment) -> tuple[nn.Module, Assignment]:
        """Construct, giving configurations what they are asked for."""
        for _ in range(_SETTINGS):
            try:
                return self._construct(kind, arguments.text(assignment)), assignment
            except _Failed as failed:
                more = _more_settings(assignment, failed.error)
                more = more or _more_arguments(kind, assignment, failed.error)
                if more is None or self._over():
                    raise
                assignment = more
        return self._construct(kind, arguments.text(assignment)), assignment

    def _construct(self, kind: type, written: Mapping[str, str]) -> nn.Module:
        namespace = self.module.__dict__

        def work() -> nn.Module:
            # Code that looks initialisers up by identity is given the real ones.
            cheap = nullcontext() if "PreTrainedConfig" in namespace else cheap_initialisation()
            with cheap:
                values = {n: arguments.evaluate(e, namespace) for n, e in written.items()}
                built: nn.Module = kind(**values)
            return built.train(self.training)

        built: nn.Module = _run(work)
        return built

    def _forward(self, kind: type, assignment: Assignment, built: nn.Module) -> None:
        waiting = _run(lambda: self._candidates(built))
        seen: set[str] = set()
        runs = 0
        while waiting and runs < _RUN_EACH and not self._over():
            tried: Inputs = waiting.pop(0)
            written = {name: value.text() for name, value in tried.items()}
            if repr(written) in seen:
                continue
            seen.add(repr(written))
            runs += 1
            self.runs += 1
            try:
                self._pass(kind, assignment, written)
            except _Failed as failed:
                more = _more_settings(assignment, failed.error)
                if more is None:
                    self._fail(Stage.BUILT, f"{failed} (with {_shown(written)})")
                if more is not None:
                    assignment = more
                    seen.discard(repr(written))
                    waiting.insert(0, tried)
                else:
                    waiting[:0] = list(repair.mended(tried, str(failed.error), built.forward))
            if self.best.stage is Stage.BACKWARD:
                return

    def _candidates(self, built: nn.Module) -> list[Inputs]:
        names = inputs.required(built.forward)
        return list(inputs.candidates(built, names))

    def _pass(self, kind: type, assignment: Assignment, written: Mapping[str, str]) -> None:
        """Build from the text alone, run it, and if it runs, backward. What is kept is this."""
        expressions = arguments.text(assignment)
        torch.manual_seed(0)
        built = self._construct(kind, expressions)
        made = {name: _traced(inputs.make(text, _BATCH)) for name, text in written.items()}
        output = _run(lambda: _call(built, made))
        if not _run(lambda: _tensors(output)):
            raise _Failed(RuntimeError("it returned no tensor"))
        facts = {"parameters": sum(p.numel() for p in built.parameters()), **_shapes(made, output)}
        found = _Found(Stage.FORWARD, "", expressions, dict(written), facts)
        try:
            _backward(built, made, output)
        except _Failed as failed:
            found.reason = str(failed)
        else:
            found.stage = Stage.BACKWARD
        if found.stage.rank > self.best.stage.rank:
            found.facts["batched"] = _batched(built, written, found.facts["outputs"])
            found.facts["flops"] = _flops(built, written)
        self._reach(found)


def _more_settings(assignment: Assignment, error: BaseException) -> Assignment | None:
    """With the setting that was missed; None where none was, or its value is anyone's guess."""
    makers = (SimpleNamespace.__name__, "PreTrainedConfig")
    if not isinstance(error, AttributeError) or type(error.obj).__name__ not in makers:
        return None
    known, value = settings.usual_setting(str(error.name))
    for name, given in assignment.items():
        if known and isinstance(given, Settings) and error.name not in given.values:
            return {**assignment, name: given.with_(str(error.name), value)}
    return None


def _more_arguments(kind: type, assignment: Assignment, error: BaseException) -> Assignment | None:
    """With the arguments that a constructor further up misses, where the block hands them on."""
    found = _MISSING.search(str(error)) if isinstance(error, TypeError) else None
    names = [n for n in re.findall(r"'(\w+)'", found[1]) if n not in assignment] if found else []
    if not names or not arguments.hands_on(kind):
        return None
    return {**assignment, **{name: usual(name)[0] for name in names}}


def _traced(value: Any) -> Any:
    """Floats become the result of an operation that autograd follows: blocks may write in place."""
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        source = value.requires_grad_()
        traced = source * 1.0
        traced.retain_grad()
        return traced
    if isinstance(value, list | tuple):
        return type(value)(_traced(item) for item in value)
    return value


def _call(built: nn.Module, made: Mapping[str, Any]) -> Any:
    return built(*made.values()) if "*" in made else built(**made)


def _tensors(values: Any) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    leaves = tree_leaves(values)
    for leaf in leaves:
        if isinstance(leaf, torch.Tensor):
            found.append(leaf)
        elif hasattr(leaf, "__dict__"):  # outputs that are objects of the block's own
            found += [v for v in vars(leaf).values() if isinstance(v, torch.Tensor)]
    return found


def _backward(built: nn.Module, made: Mapping[str, Any], output: Any) -> None:
    floats = [t for t in _tensors(output) if t.is_floating_point() and t.requires_grad]

    def work() -> None:
        if not floats:
            raise RuntimeError("no output depends on a parameter or an input")
        sum(t.sum() for t in floats).backward()  # type: ignore[union-attr]
        reached = [*built.parameters(), *_tensors(list(made.values()))]
        if all(t.grad is None for t in reached if t.requires_grad):
            raise RuntimeError("no gradient reaches a parameter or an input")

    _run(work)


def _shapes(made: Mapping[str, Any], output: Any) -> dict[str, Any]:
    tensors = {name: value for name, value in made.items() if isinstance(value, torch.Tensor)}
    return {
        "shapes": {name: list(value.shape) for name, value in tensors.items()},
        "kinds": {name: str(value.dtype).removeprefix("torch.") for name, value in tensors.items()},
        "outputs": [list(tensor.shape) for tensor in _tensors(output)],
        "returns": type(output).__name__,
    }


def _batched(built: nn.Module, written: Mapping[str, str], outputs: list[list[int]]) -> bool:
    """Whether another batch size gives the same outputs but for that size."""
    made = {name: inputs.make(text, _BATCH + 1) for name, text in written.items()}
    try:
        output = _run(lambda: _call(built, made))
    except _Failed:
        return False
    other = [list(tensor.shape) for tensor in _tensors(output)]
    wanted = [[_BATCH + 1, *shape[1:]] for shape in outputs[:1]]
    return bool(outputs) and bool(outputs[0]) and outputs[0][0] == _BATCH and other[:1] == wanted


def _flops(built: nn.Module, written: Mapping[str, str]) -> int | None:
    """Of one sample; None where the library cannot count them."""
    made = {name: inputs.make(text, _BATCH) for name, text in written.items()}
    counter = FlopCounterMode(display=False)
    try:
        with torch.no_grad(), counter:
            _run(lambda: _call(built, made))
    except _Failed:
        return None
    return int(counter.get_total_flops()) // _BATCH


def _shown(written: Mapping[str, str]) -> str:
    return ", ".join(f"{name}={text}" for name, text in written.items())[:120]
