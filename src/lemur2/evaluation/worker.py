"""What a worker does: take one job off its channel, do it, report.

This module is imported by the warm process, so that every worker has it at once. It runs beside
untrusted code and is trusted with nothing: no held-out target, no verdict that the parent could
find out itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch

from lemur2 import registry
from lemur2.architecture import Refusal
from lemur2.evaluation import substitutes
from lemur2.evaluation.jobs import Bench, job_class, job_classes
from lemur2.evaluation.jobs.base import taken
from lemur2.sandbox.channel import Channel
from lemur2.tasks import task_classes


def serve(channel: Channel, arrays: Mapping[str, np.ndarray]) -> None:
    """Do one job. A refusal is reported, not raised."""
    message, _ = channel.receive()
    job = taken(job_class(message["job"]), message["fields"])
    bench = Bench(channel=channel, arrays=arrays, device=torch.device(message["device"]))
    substitutes.install()
    try:
        job.work(bench)
    except Refusal as refusal:
        channel.send({"refused": asdict(refusal)})


def warm_up() -> None:
    """Import what jobs need, and use it once.

    What installed packages bring is imported while everything can be read.
    """
    registry.keep()
    task_classes()
    for kind in job_classes().values():
        kind.warm_up()
