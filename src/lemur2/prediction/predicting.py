"""Predictions of a trained network, which runs in the sandbox."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lemur2.errors import UserError
from lemur2.evaluation.engines import Engine
from lemur2.evaluation.jobs.scoring import Judged, Score
from lemur2.evaluation.plan import Plan
from lemur2.prediction.pictures import Unreadable, read_pictures
from lemur2.prediction.trained import Trained


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a network says of a file.

    Attributes:
        file: Which.
        ranked: Names of classes with their probabilities, the likeliest first.
        problem: Why there is none; "" where there is.
    """

    file: Path
    ranked: tuple[tuple[str, float], ...] = ()
    problem: str = ""


def predict_pictures(
    trained: Trained, files: Iterable[Path], engine: Engine, *, top: int = 1
) -> Iterator[Prediction]:
    """Predict the class of each picture; as they come, in their order.

    Args:
        trained: A network of a task of pictures.
        files: Of any number: no more than two batches are in memory.
        engine: Where it runs; entered.
        top: Classes to name for each.

    Raises:
        Refusal: The network fails on them.
        UserError: Its task is not of pictures.
    """
    spec, kind = trained.plan.spec, trained.plan.task
    if len(spec.sample_shape) != 3:
        raise UserError(
            f"{trained.kept.name} is of the task {kind.name}, which takes no pictures; give it "
            "a text with --prompt"
        )
    with _sitting(trained, engine) as judged:
        for batch in read_pictures(files, spec.sample_shape):
            known = [found for _, found in batch if isinstance(found, np.ndarray)]
            scores = iter(_ask(judged, np.stack(known)) if known else ())
            for file, found in batch:
                if isinstance(found, Unreadable):
                    yield Prediction(file=file, problem=str(found))
                    continue
                ranked = kind.ranked(next(scores), spec.classes, top)
                yield Prediction(file=file, ranked=tuple(ranked))


def continue_text(
    trained: Trained,
    prompt: str,
    engine: Engine,
    *,
    length: int = 200,
    temperature: float = 0.8,
    seed: int = 0,
) -> Iterator[str]:
    """Continue a text, a character at a time.

    Args:
        trained: A network of a task of text.
        prompt: How it begins; at least one character, all of the vocabulary.
        engine: Where it runs; entered.
        length: Characters to write.
        temperature: 0 takes the likeliest each time; higher writes more freely.
        seed: Of what is drawn.

    Raises:
        Refusal: The network fails.
        UserError: Its task is not of text, or the prompt has characters that it never saw.
    """
    spec, kind = trained.plan.spec, trained.plan.task
    if not kind.continues:
        raise UserError(
            f"{trained.kept.name} is of the task {kind.name}, which continues no text; give it "
            "files of pictures"
        )
    known = {character: index for index, character in enumerate(spec.classes)}
    strange = sorted(set(prompt) - set(known))
    if strange or not prompt:
        raise UserError(
            f"the prompt has characters that {spec.name} does not have: {''.join(strange)!r}"
            if strange
            else "the prompt is empty; give at least one character"
        )
    random, written = np.random.default_rng(seed), [known[each] for each in prompt]
    window = spec.sample_shape[0]
    with _sitting(trained, engine) as judged:
        for _ in range(length):
            last = written[-window:]
            row = np.zeros((1, window), np.int64)
            row[0, : len(last)] = last
            scores = _ask(judged, row)[0, len(last) - 1]
            written.append(_drawn(scores, temperature, random))
            yield spec.classes[written[-1]]


def evaluate(trained: Trained, plan: Plan, engine: Engine) -> dict[str, Score]:
    """Score a trained network on the validation and the test part of a data set.

    Args:
        trained: The network.
        plan: Its data set and metric; the network's transform and build are its own.
        engine: Where it runs; entered.

    Raises:
        Refusal: The network fails, or its predictions are not finite.
        UserError: The data set does not fit the network.
    """
    ours, theirs = trained.plan.spec, plan.spec
    fits = ("task", "sample_shape", "outputs", "classes")
    if wrong := [name for name in fits if getattr(ours, name) != getattr(theirs, name)]:
        raise UserError(
            f"{trained.kept.name} was trained on {ours.name}, and {theirs.name} has another "
            f"{wrong[0].replace('_', ' ')}; choose a data set that fits"
        )
    with _sitting(trained, engine) as judged:
        asked = replace(judged, plan=replace(plan, spec=theirs))
        return {part: asked.score(part) for part in ("validation", "test")}


@contextmanager
def _sitting(trained: Trained, engine: Engine) -> Iterator[Judged]:
    with engine.sandbox() as sandbox:
        deadline = time.monotonic() + sandbox.limits.train_seconds
        with trained.judge.sitting(sandbox, deadline) as judged:
            yield judged


def _ask(judged: Judged, inputs: np.ndarray) -> np.ndarray:
    """Scores for raw samples; each batch has the time that a screening has at least."""
    due = max(judged.deadline, time.monotonic() + 60)
    targets = np.zeros(judged.plan.task.targets_shape(inputs.shape), np.int8)
    return replace(judged, deadline=due).predict(inputs, targets)


def _drawn(scores: np.ndarray, temperature: float, random: np.random.Generator) -> int:
    if temperature <= 0:
        return int(scores.argmax())
    shares = np.exp((scores - scores.max()) / temperature, dtype=np.float64)
    return int(random.choice(len(shares), p=shares / shares.sum()))
