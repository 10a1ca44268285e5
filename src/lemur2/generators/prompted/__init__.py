"""Prompted transforms: a language model writes `transform(norm)` (section 11.1)."""

from lemur2.generators.prompted.generator import PromptedConfig, PromptedGenerator

__all__ = ["PromptedConfig", "PromptedGenerator"]
