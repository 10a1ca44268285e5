"""Jobs: everything that runs foreign code, a file each."""

from lemur2.evaluation.jobs.base import DRIVER, Bench, Job, Question
from lemur2.evaluation.jobs.block import TryBlock
from lemur2.evaluation.jobs.judge import Judge, Weights
from lemur2.evaluation.jobs.registry import job_class, job_classes, job_names
from lemur2.evaluation.jobs.screen import Outline, Screen, Screened
from lemur2.evaluation.jobs.screen_transform import ScreenedTransform, ScreenTransform
from lemur2.evaluation.jobs.settings import ReadSettings
from lemur2.evaluation.jobs.trace import TraceNetwork
from lemur2.evaluation.jobs.train import Keep, Listener, Train
from lemur2.evaluation.shapes import Attempt

__all__ = [
    "DRIVER",
    "Attempt",
    "Bench",
    "Job",
    "Judge",
    "Keep",
    "Listener",
    "Outline",
    "Question",
    "ReadSettings",
    "Screen",
    "ScreenTransform",
    "Screened",
    "ScreenedTransform",
    "TraceNetwork",
    "Train",
    "TryBlock",
    "Weights",
    "job_class",
    "job_classes",
    "job_names",
]
