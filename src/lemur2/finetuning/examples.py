"""From a curated folder to pairs of a prompt and the network that answers it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lemur2.architecture import Refusal
from lemur2.corpus import Corpus
from lemur2.errors import UserError
from lemur2.finetuning.normal import normal_form
from lemur2.paths import inside

if TYPE_CHECKING:
    import jinja2

PROMPTS = Path(__file__).parent / "prompts"
Count = Callable[[Sequence[str]], Sequence[int]]
_TASK = "img-classification"
_GREY = ("mnist", "fashion-mnist", "mnist-5k")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a prompt asks for.

    Attributes:
        shape: Of a sample, (C, H, W), as the network gets it.
        classes: How many.
        dataset: Its name, or "" for none.
        accuracy: What it is to reach in [0, 1]; None to leave it open.
    """

    shape: tuple[int, int, int]
    classes: int
    dataset: str = ""
    accuracy: float | None = None

    def prompt(self, template: Path | None = None) -> str:
        """The user's turn, from a Jinja template (by default `prompts/network.jinja`)."""
        channels, height, width = self.shape
        return _rendered(
            template or PROMPTS / "network.jinja",
            channels=channels,
            height=height,
            width=width,
            classes=self.classes,
            dataset=self.dataset,
            accuracy=self.accuracy,
        )


@dataclass(frozen=True, kw_only=True)
class Example:
    """One thing to learn: the network named `nn`, of a family, answers the prompt."""

    nn: str
    family: str
    prompt: str
    completion: str

    def as_chat(self) -> dict[str, list[dict[str, str]]]:
        """What TRL reads: a conversation whose last turn alone counts for the loss."""
        return {
            "prompt": [{"role": "user", "content": self.prompt}],
            "completion": [{"role": "assistant", "content": self.completion}],
        }


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the corpus measured on a network: its sample shape and outputs as screened, its best
    accuracy by data set.
    """

    shape: tuple[int, int, int]
    classes: int
    best: Mapping[str, float]


def known_networks(corpus: Corpus, largest: int) -> dict[str, Known]:
    """Image classification networks that screening found to work at inputs up to so many pixels."""
    import sqlalchemy as sa

    from lemur2.corpus.db.schema import architectures
    from lemur2.corpus.query.table import data

    frame = data(
        db=corpus,
        task=_TASK,
        metric="acc",
        only_best_accuracy=True,
        group_by=("nn", "dataset"),
        columns=("nn", "dataset", "accuracy"),
    )
    best: dict[str, dict[str, float]] = {}
    for nn, dataset, accuracy in frame.itertuples(index=False):
        best.setdefault(nn, {})[dataset] = float(accuracy)
    table = architectures.c
    query = sa.select(table.name, table.sample_shape, table.outputs).where(
        table.input_size <= largest, table.sample_shape.is_not(None)
    )
    with corpus.database.read() as connection:
        rows = connection.execute(query).all()
    found = {}
    for name, shape, outputs in rows:
        sample = tuple(json.loads(shape))
        if name in best and len(sample) == 3:
            found[name] = Known(shape=sample, classes=json.loads(outputs)[0], best=best[name])
    return found


def never_screened(corpus: Corpus, folder: Path, split: str) -> tuple[int, int]:
    """Networks of a curated folder's split that the corpus has no facts of, and all of them."""
    import sqlalchemy as sa

    from lemur2.corpus.db.schema import architectures

    names = {row["nn"] for row in _rows(folder, split)}
    query = sa.select(architectures.c.name).where(architectures.c.sample_shape.is_not(None))
    with corpus.database.read() as connection:
        screened = set(connection.execute(query).scalars())
    return len(names - screened), len(names)


def examples(
    folder: Path,
    split: str,
    known: Mapping[str, Known],
    *,
    seed: int = 0,
    template: Path | None = None,
) -> Iterator[Example]:
    """Examples of a curated folder's split, in the order of its file.

    Left out are networks that nothing is known of, that do not read the input's shape (they would
    teach to ignore it), and that need packages other than torch. The data set in the prompt is
    drawn from those that the network was trained on.

    Raises:
        UserError: The folder is not one that `lemur2 curate` wrote.
    """
    for row in _rows(folder, split):
        facts = known.get(row["nn"])
        if facts is None or not _usable(row):
            continue
        try:
            completion = normal_form(row["code"])
        except Refusal:
            continue
        # By name, so that an example does not depend on which others there are.
        dataset = random.Random(f"{seed}-{row['nn']}").choice(sorted(facts.best))
        shape = (1, *facts.shape[1:]) if dataset in _GREY else facts.shape
        wish = Wish(
            shape=shape, classes=facts.classes, dataset=dataset, accuracy=facts.best[dataset]
        )
        yield Example(
            nn=row["nn"], family=row["family"], prompt=wish.prompt(template), completion=completion
        )


def fitting(
    found: Iterable[Example],
    count_tokens: Count,
    *,
    most: int,
    wanted: int | None = None,
    balanced: bool = False,
    seed: int = 0,
) -> list[Example]:
    """Those of at most so many tokens, shuffled; at most `wanted` of them.

    Args:
        found: What to choose from.
        count_tokens: Gives the tokens of each of a list of texts.
        most: The longest completion that is taken.
        wanted: How many; None for all.
        balanced: Take families in turn, so that a small one gives all it has before a large one
            fills the rest; else they come as often as they are.
        seed: Of the order.
    """
    everything = list(found)
    if not everything:
        return []  # tokenizers do not take an empty list
    lengths = count_tokens([each.completion for each in everything])
    short = [each for each, n in zip(everything, lengths, strict=True) if n <= most]
    order = random.Random(seed)
    order.shuffle(short)
    chosen = (_in_turn(short) if balanced else short)[:wanted]
    order.shuffle(chosen)
    return chosen


def _in_turn(found: Sequence[Example]) -> list[Example]:
    queues: dict[str, list[Example]] = {}
    for each in found:
        queues.setdefault(each.family, []).append(each)
    longest = max(map(len, queues.values()), default=0)
    return [
        queue[turn] for turn in range(longest) for queue in queues.values() if turn < len(queue)
    ]


def _usable(row: Mapping[str, Any]) -> bool:
    facts = row["facts"] or {}
    foreign = set(facts.get("imports", ())) - {"torch", "torchvision", "math", "typing", "numpy"}
    return not foreign and "in_shape[1]" in row["code"]


def _rows(folder: Path, split: str) -> Iterator[dict[str, Any]]:
    file = inside(folder, split, ".jsonl")
    try:
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if not {"nn", "family", "code", "facts"} <= row.keys():
                    raise KeyError("nn")
                yield row
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise UserError(
            f"{file} is not what `lemur2 curate` writes; write a folder with "
            f"`lemur2 curate --out {folder}` first"
        ) from error


def _rendered(path: Path, **values: Any) -> str:
    import jinja2

    try:
        return _template(path).render(values).strip()
    except OSError as error:
        raise UserError(f"cannot read the prompt {path}: {error.strerror}") from error
    except jinja2.TemplateError as error:
        raise UserError(f"the prompt {path} is no Jinja template for this: {error}") from error


@cache
def _template(path: Path) -> jinja2.Template:
    import jinja2.sandbox

    settings = jinja2.sandbox.SandboxedEnvironment(undefined=jinja2.StrictUndefined)
    return settings.from_string(path.read_text("utf-8"))
