"""Where candidates run: a warm process, and one shut-in worker per job."""

from lemur2.evaluation.sandbox.client import Sandbox, Worker

__all__ = ["Sandbox", "Worker"]
