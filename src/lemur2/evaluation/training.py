"""Worker side: the network's own `learn`, epoch by epoch, and predictions on what it is handed."""

from __future__ import annotations

import json
import random
import resource
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network, substitutes
from lemur2.evaluation.pipelines import pipeline
from lemur2.evaluation.plan import Plan
from lemur2.evaluation.protocol import Protocol
from lemur2.sandbox.channel import Channel
from lemur2.tasks import InputPipeline, Task
from lemur2.texts import LONGEST_NAME, MOST_NAMES, wrong_names
from lemur2.transforms.pipeline import Pipeline

PREDICTION_BATCH = 256


class Trainer:
    """Trains one network and answers the parent.

    Args:
        task: What kind of network it is.
        outputs: `out_shape`.
        pipeline: Turns stored samples into inputs; None where the task has no transform.
        device: Where it runs.
    """

    def __init__(
        self,
        task: Task,
        outputs: Sequence[int],
        pipeline: InputPipeline | None,
        device: torch.device,
    ) -> None:
        self.task = task
        self.outputs = tuple(outputs)
        self.pipeline = pipeline
        self.device = device
        self.net: torch.nn.Module = torch.nn.Identity()
        self.prm: dict[str, Any] = {}
        self._train_pipeline = pipeline
        self._train_inputs = np.empty(0)

    @classmethod
    def of(cls, plan: Plan, device: torch.device) -> Trainer:
        """For a plan. Raises Refusal (`import`) where its transform's file fails."""
        return cls(plan.task, plan.spec.outputs, pipeline(plan), device)

    def build(self, source: str, plan: Plan, inputs: np.ndarray) -> None:
        """Seed everything and build the network for these inputs. Raises Refusal."""
        protocol = plan.protocol
        seed_everything(protocol.seed)
        module = network.load(source)
        batch = _batch(protocol)
        self.prm = network.parameters(
            network.declared(module),
            protocol.hyperparameters,
            batch=batch,
            transform=plan.transform,
            epochs=protocol.epochs,
            checkpointing=protocol.checkpointing,
        )
        with network.stage(Verdict.BUILD):
            sample = self._inputs(torch.from_numpy(np.array(inputs[:1])))
            self._train_inputs = inputs
            if isinstance(self.pipeline, Pipeline):  # what is the same every epoch is done once
                self._train_inputs, self._train_pipeline = self.pipeline.with_prefix_computed(
                    inputs
                )
        in_shape = (batch, *sample.shape[1:])
        self.net = network.build(module, in_shape, self.outputs, self.prm, self.device)

    def epoch(self, protocol: Protocol, targets: np.ndarray, epoch: int) -> None:
        """One epoch of the network's `learn`. Raises Refusal (`train`)."""
        batches = self.task.train_batches(
            self._train_inputs,
            targets,
            self._train_pipeline,
            _batch(protocol),
            seed=protocol.seed * 1_000_003 + epoch,
        )
        self.net.train()
        with network.stage(Verdict.TRAIN), self._autocast(protocol.amp):
            self.net.learn(batches)  # type: ignore[operator]
            if sys.stdout is not None:  # the worker may be killed before it ends
                sys.stdout.flush()

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Scores for raw samples, shaped as the task's metrics want them. Raises Refusal."""
        self.net.eval()
        parts = []
        with torch.no_grad():
            for start in range(0, len(inputs), PREDICTION_BATCH):
                with network.stage(Verdict.TRAIN):
                    chunk = self._inputs(torch.from_numpy(inputs[start : start + PREDICTION_BATCH]))
                    output = self.net(chunk)
                scores = self.task.predictions(output, chunk, self.outputs)
                parts.append(scores.detach().to("cpu", torch.float32).numpy())
        return np.concatenate(parts)

    def diagnostics(self) -> dict[str, Any] | None:
        """What the network tells of itself, if it has a method `diagnostics`; JSON-able.

        Raises:
            Refusal: (`train`) It fails, or gives something other than a dict of JSON;
                (`contract`) its names are too many, or none that can be shown.
        """
        tell = getattr(self.net, "diagnostics", None)
        if not callable(tell):
            return None
        with network.stage(Verdict.TRAIN):
            found = json.loads(json.dumps(tell()))
        if not isinstance(found, dict):
            raise Refusal(Verdict.TRAIN, f"diagnostics() gives a {type(found).__name__}, no dict")
        if wrong := wrong_names(found, dotted=True):
            raise Refusal(
                Verdict.CONTRACT,
                f"diagnostics() gives {wrong}",
                remedy=f"name at most {MOST_NAMES} figures in at most {LONGEST_NAME} characters",
            )
        return found

    def weights(self) -> dict[str, np.ndarray]:
        """Parameters and buffers by name. Raises Refusal (`train`)."""
        with network.stage(Verdict.TRAIN):
            return {
                name: _array(value)
                for name, value in self.net.state_dict().items()
                if isinstance(value, torch.Tensor)
            }

    def load_weights(self, names: Sequence[str], arrays: Sequence[np.ndarray]) -> None:
        """Take what another worker's `weights` gave. Raises Refusal (`train`)."""
        with network.stage(Verdict.TRAIN):
            state = dict(zip(names, map(torch.from_numpy, arrays), strict=True))
            self.net.load_state_dict(state, strict=False)  # what is no tensor stays behind

    def _inputs(self, raw: torch.Tensor) -> torch.Tensor:
        return (self.pipeline.evaluate(raw) if self.pipeline else raw).to(self.device)

    def _autocast(self, wanted: bool) -> torch.autocast:
        # bfloat16 needs no loss scaling, which a foreign `learn` does not do. On a CPU, half
        # precision costs time instead of saving it.
        enabled = wanted and self.device.type != "cpu"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)


def train(
    channel: Channel,
    trainer: Trainer,
    source: str,
    plan: Plan,
    arrays: Mapping[str, np.ndarray],
) -> None:
    """Train for the plan's epochs; before each, answer until told to go on.

    The parent's clock runs from that word to the report of the epoch.

    Raises:
        Refusal: With the stage that failed.
    """
    trainer.build(source, plan, arrays["inputs"])
    channel.send({"prm": trainer.prm})
    answer(channel, trainer)
    for epoch in range(1, plan.protocol.epochs + 1):
        trainer.epoch(plan.protocol, arrays["targets"], epoch)
        if not _finite(trainer.net):
            raise Refusal(Verdict.DIVERGED, f"weights are not finite after epoch {epoch}")
        channel.send(
            {
                "epoch": epoch,
                "memory": peak_memory(),
                "diagnostics": trainer.diagnostics(),
                "notes": substitutes.notes(),
            }
        )
        answer(channel, trainer)


def judge(
    channel: Channel,
    trainer: Trainer,
    source: str,
    plan: Plan,
) -> None:
    """Build the network, take weights that another worker trained, and answer.

    It is built on the shape of a sample alone: no data is needed to predict.

    Raises:
        Refusal: With the stage that failed.
    """
    trainer.build(source, plan, trainer.task.blank(plan.spec.sample_shape))
    head, weights = channel.receive()
    trainer.load_weights(head["names"], weights)
    answer(channel, trainer)


def answer(channel: Channel, trainer: Trainer) -> None:
    """Predict what the parent hands over, until it says to go on."""
    while True:
        message, arrays = channel.receive()
        if message["do"] == "continue":
            return
        if message["do"] == "load":
            trainer.load_weights(message["names"], arrays)
            channel.send({})
        elif message["do"] == "weights":
            weights = trainer.weights()
            channel.send({"names": list(weights)}, list(weights.values()))
        else:
            channel.send({}, [trainer.predict(arrays[0])])


def _batch(protocol: Protocol) -> int:
    return int(protocol.hyperparameters.get("batch", 64))


def _array(value: torch.Tensor) -> np.ndarray:
    """On the CPU, as numpy has it: it knows no bfloat16, which float32 holds exactly."""
    value = value.detach().cpu()
    return (value.float() if value.dtype == torch.bfloat16 else value).numpy()


def seed_everything(seed: int) -> None:
    """Seed every generator that a network can draw from without asking for its own."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def peak_memory() -> int:
    """Peak resident bytes of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _finite(net: torch.nn.Module) -> bool:
    return all(bool(torch.isfinite(p.detach()).all()) for p in net.parameters())
