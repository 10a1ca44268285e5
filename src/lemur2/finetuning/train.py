"""LoRA by PEFT and TRL, with checkpoints that a killed training goes on from. Imports torch."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, disable_progress_bars
from peft import LoraConfig
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from lemur2.finetuning.examples import Example
from lemur2.finetuning.settings import Tuning
from lemur2.llm.backends.weights import fast_bfloat16, load_model

OnStep = Callable[["Step"], None]


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one step of training found.

    Attributes:
        step, steps: Which, of how many.
        loss: Mean over the completions' tokens.
        accuracy: Share of those tokens that were the likeliest.
        tokens: Trained on since the beginning, prompts included.
        seconds: Since this process began training.
    """

    step: int
    steps: int
    loss: float
    accuracy: float
    tokens: int
    seconds: float


def tune(
    tuning: Tuning,
    tokenizer: Any,
    examples: Sequence[Example],
    out: Path,
    *,
    on_step: OnStep | None = None,
) -> Path:
    """Train an adapter, going on from the last checkpoint where there is one.

    On a CPU with the same number of threads the end is the same however often it was killed.

    Args:
        tuning: How.
        tokenizer: The model's.
        examples: What to learn, in the order in which they are written down.
        out: The adapter's folder: PEFT's files, `steps.jsonl` (a `Step` each), `examples.jsonl`
            and `checkpoints/`.
        on_step: Called after every step.

    Returns:
        `out`.
    """
    torch.set_num_threads(tuning.threads)
    disable_progress_bars()
    checkpoints = out / "checkpoints"
    last = get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    reduced = fast_bfloat16(tuning.device) if tuning.bfloat16 is None else tuning.bfloat16
    trainer = SFTTrainer(
        model=_model(tuning, reduced),
        args=_arguments(tuning, checkpoints, reduced),
        train_dataset=Dataset.from_list([each.as_chat() for each in examples]),
        processing_class=tokenizer,
        peft_config=LoraConfig(
            r=tuning.rank,
            lora_alpha=tuning.alpha,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[_Recorder(out / "steps.jsonl", on_step)],
    )
    trainer.remove_callback(PrinterCallback)  # what it prints, `on_step` tells
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(str(out))
    tokenizer.save_pretrained(out)
    return out


def _model(tuning: Tuning, reduced: bool) -> Any:
    # The frozen weights may be kept as they are computed with; only the adapter needs float32.
    dtype = torch.bfloat16 if reduced else torch.float32
    if not tuning.four_bit:
        return load_model(tuning.model, dtype)
    from transformers import BitsAndBytesConfig

    quantised = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
    )
    return load_model(tuning.model, dtype, quantization_config=quantised)


def _arguments(tuning: Tuning, checkpoints: Path, reduced: bool) -> SFTConfig:
    return SFTConfig(
        output_dir=str(checkpoints),
        per_device_train_batch_size=tuning.batch,
        gradient_accumulation_steps=tuning.accumulate,
        num_train_epochs=tuning.epochs,
        learning_rate=tuning.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=tuning.warmup,
        logging_steps=1,
        save_steps=tuning.save_every,
        save_total_limit=2,
        bf16=reduced,
        use_cpu=tuning.device == "cpu",
        gradient_checkpointing=False,
        completion_only_loss=True,
        max_length=None,
        seed=tuning.seed,
        data_seed=tuning.seed,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )


class _Recorder(TrainerCallback):
    """Writes a line per step; those after the checkpoint that training goes on from are redone."""

    def __init__(self, file: Path, on_step: OnStep | None) -> None:
        self.file, self.on_step = file, on_step
        self.started = time.monotonic()
        self.earlier = 0  # tokens of the processes before, which TRL does not count

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self.started = time.monotonic()
        if self.file.is_file():
            lines = self.file.read_text("utf-8").splitlines()
            kept = [line for line in lines if _is_before(line, state.global_step)]
            self.file.write_text("".join(line + "\n" for line in kept), "utf-8")
            self.earlier = json.loads(kept[-1])["tokens"] if kept else 0

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: Mapping[str, Any] | None = None,
        **rest: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        step = Step(
            step=state.global_step,
            steps=state.max_steps,
            loss=float(logs["loss"]),
            accuracy=float(logs["mean_token_accuracy"]),
            tokens=self.earlier + int(logs["num_tokens"]),
            seconds=time.monotonic() - self.started,
        )
        with self.file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(asdict(step)) + "\n")
        if self.on_step is not None:
            self.on_step(step)


def _is_before(line: str, step: int) -> bool:
    try:
        return bool(json.loads(line)["step"] <= step)
    except ValueError:  # the last line of a process that was killed in it
        return False
