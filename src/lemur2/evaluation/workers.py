"""The sandbox that evaluates networks."""

from typing import ClassVar

from lemur2.sandbox import Sandbox


class CandidateSandbox(Sandbox):
    """A sandbox whose workers screen, train, trace and try what candidates bring."""

    work: ClassVar[str] = "lemur2.evaluation.worker"
