"""The grow loop, runs and resume; the contract of a generator."""

from lemur2.loop.generator import Generator
from lemur2.loop.grow import Progress, Settings, alone, grow, same_run, start_run

__all__ = ["Generator", "Progress", "Settings", "alone", "grow", "same_run", "start_run"]
