"""Tasks: what goes into a network, what comes out, how it is screened and scored."""

from lemur2.tasks.base import InputPipeline, Task
from lemur2.tasks.classification import ImageClassification
from lemur2.tasks.registry import DEFAULT_TASK, task, task_classes, task_names
from lemur2.tasks.text_generation import TextGeneration

__all__ = [
    "DEFAULT_TASK",
    "ImageClassification",
    "InputPipeline",
    "Task",
    "TextGeneration",
    "task",
    "task_classes",
    "task_names",
]
