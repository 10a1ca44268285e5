"""Dedupe on a folder of real networks: what it finds, what it costs, what it finds of planted ones.

    python benchmarks/dedupe.py FOLDER        FOLDER/*.py, such as nn-dataset's ab/nn/nn

Prints CPU seconds of one process: the tiers over all files; hashing text without whitespace against
hashing syntax trees, each for itself; Rensa against datasketch (`pip install datasketch`) on the
same shingles; precision and recall on edits that are planted among files unlike each other.
"""

import ast
import random
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from lemur2.architecture import Refusal, canonical_digest, content_name, decode_source, family
from lemur2.corpus.dedupe import TIERS, Entry, Sketches, find_redundant, shingles
from lemur2.corpus.dedupe.near import PERMUTATIONS, THRESHOLD, bands, leaders

BASES = 300  # files that edits are planted from
PER_FAMILY = 40
CHANGED = 3  # constants changed in one edit
DEAD = """
def unused(a, b=2):
    total = 0
    for step in range(b):
        total = total + a * step
        if total > 100:
            break
    return total
"""
UNREACHED = "if False:\n    left = 1\n    right = left * 2\n    print(left, right)\n"
UNUSED = "spare = [1, 2]\nspare.append(len(spare))\n"  # runs, to no effect


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the CPU seconds it took."""
    started = time.process_time()
    found = work()
    return found, time.process_time() - started


def read(folder: Path) -> dict[str, str]:
    """The sources by name."""
    return {
        file.stem: decode_source(file.read_bytes()).replace("\r\n", "\n")
        for file in sorted(folder.glob("*.py"))
    }


def entries_of(sources: dict[str, str]) -> list[Entry]:
    """As a corpus would give them."""

    def digest(source: str) -> str:
        try:
            return canonical_digest(source)
        except Refusal:
            return ""

    return [
        Entry(id=number, name=name, family=family(name), source=source, digest=digest(source))
        for number, (name, source) in enumerate(sources.items())
    ]


def tiers(sources: dict[str, str]) -> None:
    """Every tier over all files."""
    entries, digesting = cpu(lambda: entries_of(sources))
    print(f"{len(entries):,} files, {sum(map(len, sources.values())) / 1e6:.1f} MB")
    print(f"{'parse and canonical digest':40}{digesting:8.1f} s")
    found: list = []
    for chosen in (TIERS[:1], TIERS[:2], TIERS):
        found, seconds = cpu(lambda chosen=chosen: find_redundant(entries, tiers=chosen))
        counts = Counter(each.tier for each in found)
        said = ", ".join(f"{counts[tier]:,} {tier}" for tier in chosen if counts[tier])
        print(f"{'up to ' + chosen[-1]:40}{seconds:8.1f} s  {len(found):,} redundant: {said}")
    print(f"{'everything':40}{digesting + seconds:8.1f} s  (limit: 60)")


def hashing(sources: dict[str, str]) -> None:
    """The text's hash against the syntax tree's."""
    texts = list(sources.values())
    _, white = cpu(lambda: [content_name("", text) for text in texts])
    _, tree = cpu(lambda: [canonical_digest(text) for text in texts])

    def standard() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for text in texts:
                hash(ast.dump(ast.parse(text)))

    _, dumped = cpu(standard)
    print(f"\n{'md5 of the text without whitespace':40}{white:8.2f} s")
    print(f"{'canonical digest':40}{tree:8.2f} s  {tree / white:.0f} times as long")
    print(f"{'ast.parse and ast.dump':40}{dumped:8.2f} s  {dumped / white:.0f} times (paper: 100)")


def libraries(sources: dict[str, str]) -> None:
    """Signatures and index of two libraries, over the same shingles."""
    from datasketch import MinHash, MinHashLSH
    from rensa import RMinHash, RMinHashLSH

    sets = [sorted(shingles(text)) for text in sources.values()]
    number = bands(THRESHOLD)

    def rensa() -> list[Any]:
        return list(RMinHash.from_token_sets(sets, PERMUTATIONS, 1))

    def datasketch() -> list[Any]:
        return list(
            MinHash.bulk([[each.encode() for each in one] for one in sets], num_perm=PERMUTATIONS)
        )

    def candidates(index: Any, minhashes: list[Any]) -> int:
        count = 0
        for place, minhash in enumerate(minhashes):
            count += len(index.query(minhash))
            index.insert(place, minhash)
        return count

    indexes = (
        RMinHashLSH(THRESHOLD, PERMUTATIONS, number),
        MinHashLSH(num_perm=PERMUTATIONS, params=(number, PERMUTATIONS // number)),
    )
    rng = random.Random(0)
    sample = [rng.sample(range(len(sets)), 2) for _ in range(2000)]
    real = np.array([jaccard(sets[a], sets[b]) for a, b in sample])
    print()
    for name, make, index in zip(
        ("rensa", "datasketch"), (rensa, datasketch), indexes, strict=True
    ):
        made, signing = cpu(make)
        count, indexing = cpu(lambda made=made, index=index: candidates(index, made))
        error = np.abs(np.array([made[a].jaccard(made[b]) for a, b in sample]) - real).mean()
        print(
            f"{name + ': signatures':40}{signing:8.2f} s  index {indexing:.2f} s, "
            f"{count:,} candidate pairs, mean error of an estimate {error:.3f}"
        )


def jaccard(one: Iterable[str], other: Iterable[str]) -> float:
    """Of two collections."""
    a, b = set(one), set(other)
    return len(a & b) / len(a | b)


# -- planted edits -----------------------------------------------------------------------------


def renamed(tree: ast.Module, rng: random.Random) -> None:
    """Parameters, variables and own attributes get other names."""
    names, own = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg != "self":
            names.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            own.add(node.attr)
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.arg in names:
            node.arg = f"{node.arg}_{len(node.arg)}"
        elif isinstance(node, ast.Name) and node.id in names:
            node.id = f"{node.id}_{len(node.id)}"
        elif isinstance(node, ast.Attribute) and node.attr in own:
            node.attr = f"my_{node.attr}"


def reordered(tree: ast.Module, rng: random.Random) -> None:
    """Methods of a class, and definitions of the module, in another order."""
    for body in [
        node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef | ast.Module)
    ]:
        places = [i for i, each in enumerate(body) if isinstance(each, ast.FunctionDef)]
        moved = [body[place] for place in places]
        rng.shuffle(moved)
        for place, each in zip(places, moved, strict=True):
            body[place] = each


def constants(tree: ast.Module, rng: random.Random) -> None:
    """Some numbers are others."""
    numbers = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and type(node.value) in (int, float)
    ]
    for node in rng.sample(numbers, min(CHANGED, len(numbers))):
        node.value = node.value * 2 + 1


def dead(tree: ast.Module, rng: random.Random) -> None:
    """A function that nothing calls, statements that nothing reaches, others to no effect."""
    tree.body += ast.parse(DEAD).body
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    rng.choice(functions).body[:0] = ast.parse(UNREACHED).body
    rng.choice(functions).body[:0] = ast.parse(UNUSED).body


EDITS = {
    "renamed": (renamed,),
    "reordered": (reordered,),
    "constants": (constants,),
    "dead": (dead,),
}
EDITS["all four"] = tuple(edit for (edit,) in EDITS.values())


def bases_of(sources: dict[str, str], threshold: float) -> list[str]:
    """Files of all families, no two of them alike by the threshold.

    They are compared one by one: the judge must not be the judged.
    """
    rng = random.Random(0)
    count: Counter[str] = Counter()
    chosen: dict[str, set[str]] = {}
    for name in rng.sample(sorted(sources), len(sources)):
        count[family(name)] += 1
        if count[family(name)] > PER_FAMILY:
            continue
        found = shingles(sources[name])
        if all(jaccard(found, other) < threshold for other in chosen.values()):
            chosen[name] = found
        if len(chosen) == BASES:
            break
    return list(chosen)


def edited(source: str, edits: Iterable[Callable[..., None]], rng: random.Random) -> str:
    """A file after some edits."""
    tree = ast.parse(source)
    for edit in edits:
        edit(tree, rng)
    return ast.unparse(tree)


def planted(sources: dict[str, str]) -> None:
    """Precision and recall at several thresholds."""
    print(f"\nfiles that are unlike at the threshold, one edit of each kind of each of {BASES}")
    print(f"{'threshold':12}{'precision':>10}" + "".join(f"{kind:>11}" for kind in EDITS))
    for threshold in (0.8, 0.85, 0.9, 0.95):
        rng = random.Random(1)
        bases = bases_of(sources, threshold)
        files = {name: sources[name] for name in bases}
        for kind, edits in EDITS.items():
            files.update({f"{n}/{kind}": edited(sources[n], edits, rng) for n in bases})
        options: dict[str, Any] = {"tiers": ("canonical", "near"), "prefer": "oldest"}
        found = find_redundant(entries_of(files), threshold=threshold, **options)
        right = Counter(
            each.name.partition("/")[2]
            for each in found
            if each.representative.partition("/")[0] == each.name.partition("/")[0]
        )
        recalls = "".join(f"{right[kind] / len(bases):>11.1%}" for kind in EDITS)
        print(f"{threshold:<12}{right.total() / len(found):>10.1%}{recalls}")
        if threshold == THRESHOLD:
            against_everything(list(files.values()))


def against_everything(texts: list[str]) -> None:
    """What the index loses: it and the comparison of all pairs, over the planted files."""
    sketches = Sketches(texts)
    led = leaders(sketches, THRESHOLD)
    kept: list[int] = []
    for place in range(len(texts)):
        if all(sketches.similarity(place, other) < THRESHOLD for other in kept):
            kept.append(place)
    exact = set(range(len(texts))) - set(kept)
    missed, extra = len(exact - set(led)), len(set(led) - exact)
    print(
        f"  comparing all pairs instead finds {len(exact):,} near-duplicates at {THRESHOLD}; "
        f"the index misses {missed} and adds {extra}"
    )


def main() -> None:
    """Run everything."""
    sources = read(Path(sys.argv[1]))
    tiers(sources)
    hashing(sources)
    planted(sources)
    libraries(sources)


if __name__ == "__main__":
    main()
