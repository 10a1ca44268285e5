"""From a curated folder to an adapter. Imports torch."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.finetuning.examples import (
    Count,
    Example,
    examples,
    fitting,
    known_networks,
    never_screened,
)
from lemur2.finetuning.settings import Tuning
from lemur2.finetuning.train import OnStep, tune
from lemur2.llm.backends.weights import load_tokenizer

OnChosen = Callable[["Chosen"], None]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What is trained on: how many examples, of which families, with how many tokens in all."""

    examples: int
    families: dict[str, int]
    tokens: int


def finetune(
    tuning: Tuning,
    data: Path,
    corpus: Corpus,
    out: Path,
    *,
    split: str = "train",
    on_chosen: OnChosen | None = None,
    on_step: OnStep | None = None,
) -> Path:
    """Train an adapter on a curated folder's networks; goes on where it was killed.

    The folder has then, beside the adapter, `tuning.json` (the settings), `examples.jsonl` (what
    was trained on), `steps.jsonl` (a line per step) and `checkpoints/`.

    Args:
        tuning: How.
        data: What `lemur2 curate` wrote.
        corpus: Which knows what input its networks work at, and how accurate they are.
        out: The adapter's folder.
        split: Of the curated folder.
        on_chosen: Called when the examples are chosen.
        on_step: Called after every step.

    Returns:
        `out`.

    Raises:
        UserError: The model or the networks cannot be had, or the folder holds something else.
    """
    tokenizer = load_tokenizer(tuning.model)
    count = _counter(tokenizer)
    found = examples(data, split, known_networks(corpus, tuning.largest_input), seed=tuning.seed)
    chosen = fitting(
        found,
        count,
        most=tuning.longest,
        wanted=tuning.examples,
        balanced=tuning.balanced,
        seed=tuning.seed,
    )
    if not chosen:
        raise _nothing_to_learn(tuning, data, corpus, split)
    tuning.claim(out)
    if on_chosen is not None:
        on_chosen(_chosen(chosen, sum(count([each.completion for each in chosen]))))
    lines = "".join(json.dumps(_line(each)) + "\n" for each in chosen)
    (out / "examples.jsonl").write_text(lines, "utf-8")
    return tune(tuning, tokenizer, chosen, out, on_step=on_step)


def _nothing_to_learn(tuning: Tuning, data: Path, corpus: Corpus, split: str) -> UserError:
    unknown, networks = never_screened(corpus, data, split)
    if unknown:
        remedy = (
            f"{unknown:,} of its {networks:,} networks were never screened, so that nobody knows "
            "which input they take: do `lemur2 screen --all` first (or --limit N for some)"
        )
    else:
        remedy = "raise --longest or --largest-input"
    return UserError(
        f"{data} has no network to train on: none is known to work at {tuning.largest_input} "
        f"pixels or less, read its input's shape, and have at most {tuning.longest} tokens; "
        f"{remedy}"
    )


def _counter(tokenizer: Any) -> Count:
    return lambda texts: [len(ids) for ids in tokenizer(list(texts))["input_ids"]]


def _chosen(found: list[Example], tokens: int) -> Chosen:
    families = dict(Counter(each.family for each in found).most_common())
    return Chosen(examples=len(found), families=families, tokens=tokens)


def _line(example: Example) -> dict[str, Any]:
    return {"nn": example.nn, "family": example.family, "prompt": example.prompt}
