"""AST mutation (section 5 of the paper's supplement): real networks, changed in their source.

    with LocalEngine(workers=1) as engine:
        workshop = Workshop(engine, task("img-classification"))
        subject = workshop.open(source)                  # traced; raises Refusal
        attempt = workshop.attempt(subject, rng, ["width"])  # None: nothing left to change
        attempt.valid, attempt.source, attempt.plan.says, attempt.verified.problem

The five stages: `LeafTracer` and `ModuleSourceTracer` run in a sandbox worker
(`lemur2.evaluation.tracing`); what they find is a `Trace` (`lemur2.evaluation.trace`), plain
data. `ModelPlanner` makes a `Plan` of it: `sizes` changes numbers, whose consequences the `Solver`
finds; `layers` changes, adds and removes calls. `CodeMutator` makes the edits, `verify` screens
the file that comes of them and compares it with the plan. `MutationGenerator` chooses parents and
kinds.
"""

from lemur2.evaluation.trace import Trace
from lemur2.generators.mutation.code_mutator import CodeMutator, Edit
from lemur2.generators.mutation.generator import MutationConfig, MutationGenerator
from lemur2.generators.mutation.model_planner import ModelPlanner
from lemur2.generators.mutation.plans import KINDS, Plan
from lemur2.generators.mutation.verification import Verified, verify
from lemur2.generators.mutation.workshop import Attempt, Subject, Workshop

__all__ = [
    "KINDS",
    "Attempt",
    "CodeMutator",
    "Edit",
    "ModelPlanner",
    "MutationConfig",
    "MutationGenerator",
    "Plan",
    "Subject",
    "Trace",
    "Verified",
    "Workshop",
    "verify",
]
