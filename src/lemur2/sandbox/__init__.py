"""Where candidates run: a warm process, and one shut-in worker per job."""

from lemur2.sandbox.again import EngineLost, again
from lemur2.sandbox.awaited import Awaited
from lemur2.sandbox.client import Sandbox, Worker
from lemur2.sandbox.output import Hear
from lemur2.sandbox.report import Property, report
from lemur2.sandbox.surroundings import surroundings

__all__ = [
    "Awaited",
    "EngineLost",
    "Hear",
    "Property",
    "Sandbox",
    "Worker",
    "again",
    "report",
    "surroundings",
]
