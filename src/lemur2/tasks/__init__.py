"""Tasks: what goes into a network, what comes out, how it is screened and scored."""

from lemur2.tasks.base import InputPipeline, Task

__all__ = ["InputPipeline", "Task"]
