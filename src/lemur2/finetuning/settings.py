"""What a fine-tuning is made with. No torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from lemur2.errors import UsageError, UserError


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """A fine-tuning by LoRA; with the examples and the versions it fixes the result on a CPU.

    Attributes:
        model: What is tuned: a GGUF file, a folder, or a hub's name.
        rank, alpha: Of the adapter, on all linear layers (32 and 32 in the paper).
        learning_rate: At its highest, after `warmup`; from there it falls to 0 in a line.
        warmup: Steps.
        batch: Examples in a step on one device.
        accumulate: Batches that are added up to a step.
        epochs: How often to go through the examples.
        longest: Tokens of a completion; longer networks are left out.
        examples: At most so many; None for all.
        balanced: Families in turn, where there are more; else as often as they are.
        largest_input: Only networks that screening found to work at inputs of so many pixels.
        save_every: Steps between checkpoints.
        bfloat16: Compute in it; None where the device is faster so. The adapter is float32.
        four_bit: Load the model in 4 bits (bitsandbytes, CUDA only).
        device: `cpu`, `cuda`; under `accelerate launch` or `torchrun` all that they give.
        threads: Of torch on a CPU.
        seed: Of the adapter's weights, the order, and what prompts ask for.
    """

    model: str
    rank: int = 32
    alpha: int = 32
    learning_rate: float = 1e-3
    warmup: int = 10
    batch: int = 4
    accumulate: int = 1
    epochs: int = 1
    longest: int = 800
    examples: int | None = None
    balanced: bool = False
    largest_input: int = 32
    save_every: int = 10
    bfloat16: bool | None = None
    four_bit: bool = False
    device: str = "cpu"
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("rank", "alpha", "batch", "accumulate", "epochs", "longest", "save_every")
        for name in (*counts, "largest_input", "threads"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.learning_rate <= 0:
            raise UsageError(f"the learning rate must be above 0, not {self.learning_rate}")
        if self.four_bit and self.device == "cpu":
            raise UsageError("4-bit loading needs a CUDA device; leave it out on a CPU")

    def claim(self, folder: Path) -> None:
        """Make the folder this tuning's own, or see that it already is.

        Raises:
            UserError: It holds something else.
        """
        file = folder / "tuning.json"
        wanted = json.dumps(asdict(self), indent=1) + "\n"
        if file.is_file():
            if file.read_text("utf-8") != wanted:
                raise UserError(
                    f"{folder} holds a tuning with other settings (see {file}); repeat those to "
                    "go on with it, or choose a new folder with --out"
                )
            return
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} is there already; choose a new folder with --out")
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(wanted, "utf-8")
