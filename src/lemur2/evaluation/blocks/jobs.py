"""Worker side: the two jobs of the block library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lemur2.architecture import Refusal
from lemur2.evaluation.blocks import configurations
from lemur2.evaluation.blocks.arguments import Hints
from lemur2.evaluation.blocks.trial import try_block
from lemur2.retrieval.library.stages import Stage
from lemur2.sandbox.channel import Channel


def block(channel: Channel, job: Mapping[str, Any]) -> None:
    """Try a block; every stage is reported when it is reached, and all that was found at last."""

    def on_stage(stage: Stage) -> None:
        channel.send({"stage": stage.value})

    configurations.look_installed(job["versions"], job["providers"])
    hints = Hints(calls=job["hints"]["calls"], configs=job["hints"]["configs"])
    found = try_block(job["source"], job["target"], hints, job["seconds"], on_stage)
    channel.send({"block": found})


def settings(channel: Channel, job: Mapping[str, Any]) -> None:
    """The default values of configuration classes, a message for every module."""
    configurations.look_installed(job["versions"], job["providers"])
    for module in job["modules"]:
        try:
            found = configurations.default_settings(module)
        except Refusal:
            found = {}
        channel.send({"settings": found})
