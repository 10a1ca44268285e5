"""Worker side: the pipeline of a plan's transform."""

from __future__ import annotations

from lemur2.architecture import Verdict
from lemur2.evaluation import network
from lemur2.evaluation.plan import Plan
from lemur2.transforms.pipeline import Pipeline


def pipeline(plan: Plan) -> Pipeline | None:
    """What turns stored samples into inputs; None where the task has no transform.

    Raises:
        Refusal: (`import`) The transform's file fails.
    """
    if not plan.transform_source:
        return None
    with network.stage(Verdict.IMPORT):
        return Pipeline(plan.transform_source, plan.spec.mean, plan.spec.std)
