"""Fine-tuning a language model on the corpus, and what it is worth (importing it is cheap)."""

from lemur2.finetuning.settings import Tuning

__all__ = ["Tuning"]
