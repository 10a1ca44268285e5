"""What a worker does: take one job off its channel, do it, report.

This module is imported by the warm process, so that every worker has it at once. It runs beside
untrusted code and is trusted with nothing: no held-out target, no verdict that the parent could
find out itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from lemur2 import registry
from lemur2.architecture import Refusal, Verdict
from lemur2.evaluation import network, screening, substitutes, training, transform_screening
from lemur2.evaluation.blocks import jobs
from lemur2.evaluation.screening import Shapes
from lemur2.evaluation.tracing import job as tracing
from lemur2.evaluation.tracing.outline import outline
from lemur2.sandbox.channel import Channel
from lemur2.tasks import task, task_classes
from lemur2.transforms import import_installed
from lemur2.transforms.pipeline import Pipeline


def serve(channel: Channel, arrays: Mapping[str, np.ndarray]) -> None:
    """Do one job. A refusal is reported, not raised."""
    job, _ = channel.receive()
    substitutes.install()
    try:
        if job["do"] == "screen":
            channel.send(_screen(job))
        elif job["do"] == "screen-transform":
            found = transform_screening.screen(_pipeline(job), arrays["inputs"])
            channel.send({"transform": found})
        elif job["do"] == "trace":
            channel.send({"trace": _trace(job)})
        elif job["do"] in ("block", "settings"):
            _block(channel, job)
        else:
            _train(channel, job, arrays)
            channel.send({"done": True})
    except Refusal as refusal:
        channel.send({"refused": asdict(refusal)})


def _screen(job: Mapping[str, Any]) -> dict[str, Any]:
    kind, device = task(job["task"]), torch.device(job["device"])
    if "attempts" in job:
        outlines: list[dict[str, Any]] = []  # the last is that of the attempt that worked
        on_net = (lambda net: outlines.append(outline(net))) if job.get("outline") else None
        facts = screening.screen(job["source"], kind, _attempts(job), device, on_net)
        return {"facts": facts, "outline": outlines[-1] if outlines else None}
    pipeline, shape = _pipeline(job), tuple(job["sample_shape"])
    size = pipeline.sample_shape(shape)[-1] if pipeline is not None else shape[-1]
    attempt = Shapes(size, shape, tuple(job["outputs"]), pipeline)
    return {"facts": screening.screen(job["source"], kind, [attempt], device)}


def _trace(job: Mapping[str, Any]) -> dict[str, Any]:
    device = torch.device(job["device"])
    return tracing.trace(job["source"], task(job["task"]), _attempts(job), device)


def _attempts(job: Mapping[str, Any]) -> list[Shapes]:
    return [Shapes(size, tuple(s), tuple(o)) for size, s, o in job["attempts"]]


def _train(channel: Channel, job: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    device = torch.device(job["device"])
    trainer = training.Trainer(task(job["task"]), job["outputs"], _pipeline(job), device)
    work = training.judge if job["do"] == "judge" else training.train
    work(channel, trainer, job, arrays)


def _block(channel: Channel, job: Mapping[str, Any]) -> None:
    (jobs.block if job["do"] == "block" else jobs.settings)(channel, job)


def _pipeline(job: Mapping[str, Any]) -> Pipeline | None:
    if not job["transform_source"]:
        return None
    with network.stage(Verdict.IMPORT):
        return Pipeline(job["transform_source"], job["mean"], job["std"])


WARM_UP_SOURCE = """
import torch
from torch import nn

def supported_hyperparameters():
    return {"lr"}

class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_shape[1], 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(),
            nn.MaxPool2d(2), nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(8, out_shape[0]))

    def train_setup(self, prm):
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm["lr"])

    def learn(self, train_data):
        pass

    def forward(self, x):
        return self.layers(x)
"""


def warm_up() -> None:
    """Import what jobs need, and screen and trace a small trusted network.

    Lazy imports and first uses are paid for here, and what installed packages bring is imported
    while everything can be read. No network is run where there is a GPU: autograd would start
    threads, which a fork does not carry over.
    """
    registry.keep()
    task_classes()
    import_installed()
    if torch.cuda.is_available():
        return
    kind = task("img-classification")
    shapes = Shapes(32, (3, 32, 32), (10,))
    screening.screen(WARM_UP_SOURCE, kind, [shapes], torch.device("cpu"))
    tracing.trace(WARM_UP_SOURCE, kind, [shapes], torch.device("cpu"))
