"""Small seeded runs of every generator, as data: to compare two versions of the code.

    python benchmarks/recorded_runs.py before.json                       records
    python benchmarks/recorded_runs.py after.json --against before.json  and compares

Each run is a command in a new corpus. Recorded is all that two runs of a seed have in common
(`Corpus.content_dump`: names, digests, verdicts, facts, hyperparameters, scores to the last
digit). Compare on one machine: another kind of CPU gives other last digits. Exits 1 where
something differs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lemur2.corpus import Corpus

DECKS = Path(__file__).parents[1] / "tests" / "generators"
ON_DIGITS = ["--dataset", "digits", "--seed", "7", "--workers", "2"]
RUNS = {
    "zoo": ["grow", "zoo", "-n", "8", *ON_DIGITS],
    "fractal": ["grow", "fractal", "-n", "8", *ON_DIGITS],
    "genetic": ["grow", "genetic", "--space", "block", "-n", "12", *ON_DIGITS],
    "experts": ["grow", "experts", "-n", "2", *ON_DIGITS],
    "transforms": ["grow", "transforms", "-n", "6", *ON_DIGITS],
    "mutation": ["grow", "mutation", "--parent", "ResNet8", "-n", "3", *ON_DIGITS],
    "retrieval": ["grow", "retrieval", "-n", "4", *ON_DIGITS],
    "fewshot": [
        *("grow", "fewshot", "--llm", f"deck:{DECKS}/fewshot/layers.jsonl", "--mode", "layers"),
        *("--record", "record.jsonl", "-n", "4", *ON_DIGITS),
    ],
    "prompted": [
        *("grow", "prompted", "--llm", f"deck:{DECKS}/prompted/scripted.jsonl"),
        *("--record", "record.jsonl", "-n", "4", *ON_DIGITS),
    ],
    "search": ["train", "LeNet", "--trials", "4", "--dataset", "digits", "--seed", "7"],
    "text": ["train", "LSTM", "--dataset", "python-reference", "--epochs", "1", "--test"],
}


def recorded(command: list[str]) -> Any:
    """What a command leaves in a new corpus."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "lemur2", *command],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        database = Path(folder) / "lemur2.db"
        if not database.exists():
            return {"failed": done.stderr[-2000:]}
        with Corpus.open(database, read_only=True) as corpus:
            return json.loads(json.dumps(corpus.content_dump()).replace(folder, ""))


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Where two recordings part, as paths with both values."""
    if isinstance(before, dict) and isinstance(after, dict):
        found: list[str] = []
        for key in sorted({*before, *after}):
            found += differences(before.get(key), after.get(key), f"{path}.{key}")
        return found
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        found = []
        for index, pair in enumerate(zip(before, after, strict=True)):
            found += differences(*pair, path=f"{path}[{index}]")
        return found
    return [] if before == after else [f"{path}: {str(before)[:100]} -> {str(after)[:100]}"]


def main() -> int:
    """Record, and compare where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--only", nargs="*", choices=RUNS)
    asked = parser.parse_args()
    found = {}
    for name in asked.only or RUNS:
        found[name] = recorded(RUNS[name])
        trials = len(found[name].get("trials", ()))
        print(f"{name}: {trials} trials" if trials else f"{name}: {found[name].get('failed')}")
    if asked.out is not None:
        asked.out.write_text(json.dumps(found, indent=1, sort_keys=True))
    if asked.against is None:
        return 0
    before = json.loads(asked.against.read_text())
    parted = differences({name: before.get(name) for name in found}, found)
    print("\n".join(parted[:40]) or "equal to the last digit")
    return 1 if parted else 0


if __name__ == "__main__":
    sys.exit(main())
