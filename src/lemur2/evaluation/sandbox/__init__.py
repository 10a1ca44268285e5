"""Where candidates run: a warm process, and one shut-in worker per job."""

from lemur2.evaluation.sandbox.client import Sandbox, Worker
from lemur2.evaluation.sandbox.output import Hear
from lemur2.evaluation.sandbox.report import Property, report

__all__ = ["Hear", "Property", "Sandbox", "Worker", "report"]
