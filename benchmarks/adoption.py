"""How many models of timm become networks: one of every family, the smallest by its name.

python benchmarks/adoption.py [COUNT]     prints a line for each that is refused, and the share
"""

import re
import sys
import tempfile
from collections import Counter
from pathlib import Path

import timm

from lemur2.adoption.adopting import adopt
from lemur2.evaluation import Limits
from lemur2.evaluation.engines import LocalEngine
from lemur2.loop.checking import Input
from lemur2.tasks import DEFAULT_TASK, task

SMALL = ("atto", "pico", "femto", "nano", "tiny", "xxs", "xs", "_s", "small", "mini", "18", "b0")


def one_of_every_family(count: int) -> list[str]:
    """Names of models: families are what names begin with, and timm's files."""
    families: dict[tuple[str, str], list[str]] = {}
    for name in timm.list_models():
        module = timm.models.model_entrypoint(name).__module__
        families.setdefault((module, re.split(r"[_\\d]", name)[0]), []).append(name)
    return [min(names, key=_largeness) for names in families.values()][:count]


def _largeness(name: str) -> tuple[int, int]:
    ranks = [rank for rank, word in enumerate(SMALL) if word in name]
    return (min(ranks, default=len(SMALL)), len(name))


def main() -> None:
    """Adopt them and count."""
    names = one_of_every_family(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
    verdicts: Counter[str] = Counter()
    at = Input(task=task(DEFAULT_TASK))
    engine = LocalEngine(Limits(screen_seconds=120), workers=1)
    with tempfile.TemporaryDirectory() as folder:
        for each in adopt([f"timm:{name}" for name in names], Path(folder), at, engine):
            verdicts[each.verdict.value] += 1
            if each.file is None:
                print(f"{each.verdict:<9} {each.name}  {each.reason[:150]}", flush=True)
    total = verdicts.total()
    print(f"{total} models, {verdicts['ok']} ok ({verdicts['ok'] / total:.1%}): {dict(verdicts)}")


if __name__ == "__main__":
    main()
