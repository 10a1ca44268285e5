"""The grow loop, runs and resume; the contract of a generator."""

from lemur2.loop.generator import Generator

__all__ = ["Generator"]
