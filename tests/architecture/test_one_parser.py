"""Threads parse one at a time: Python 3.11 fails where two do."""

import re
import threading
from pathlib import Path

import numpy as np

import lemur2
from lemur2.architecture.syntax import parse
from lemur2.architecture.zoo import zoo_source
from lemur2.datasets import prepare

SOURCES = Path(lemur2.__file__).parent
# What workers run, which have one thread of ours, and the one place that takes turns.
ALONE = ("architecture/syntax.py", "evaluation/tracing/", "evaluation/blocks/", "finetuning/")


def test_nothing_in_this_process_parses_by_itself():
    found = [
        str(path.relative_to(SOURCES))
        for path in sorted(SOURCES.rglob("*.py"))
        if re.search(r"\bast\.(parse|literal_eval)\(", path.read_text())
    ]
    assert [name for name in found if not name.startswith(ALONE)] == []


def test_parsing_beside_the_loading_of_arrays():
    data, source = prepare("digits"), zoo_source("GoogLeNet")
    failures: list[Exception] = []

    def load():
        try:
            for _ in range(150):
                assert isinstance(data.targets("train"), np.ndarray)
        except Exception as error:  # noqa: BLE001 - whatever a thread fails with
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        parse(source)
    assert failures == []
