"""Mutation testing: how many small defects, planted one at a time, do the quick tests notice?

    pip install cosmic-ray
    python benchmarks/mutants.py                       64 mutants, 16 of each package
    python benchmarks/mutants.py --per 4 --seed 1      others, and fewer
    python benchmarks/mutants.py loop/search.py        mutants of these files or folders alone
    python benchmarks/mutants.py --again               those again that survived before

A mutant is one change of one operator, number or condition in `evaluation`, `corpus`, `loop` or
`metrics` (not in the sandbox, which takes the hostile suite to judge, nor in tracing and blocks,
whose tests are slow). It is planted in a copy of the project, and judged by the quick tests that
belong to its module (`TESTS`): killed where one fails, or where they hang. The sample depends on
the seed and the code alone. Results are kept in `--results`, so that what was judged before is not
judged again; `--most N` stops after so many, for machines that are shared.
"""

import argparse
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from difflib import unified_diff
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("evaluation", "corpus", "loop", "metrics")
LEFT_OUT = (
    *("sandbox/", "evaluation/tracing/", "evaluation/blocks/"),
    "corpus/migrations/",
)
PATIENCE = 300  # seconds until tests count as hanging

# The tests that belong to a module: those of the longest prefix.
TESTS = {
    "metrics/": ["metrics"],
    "corpus/": ["corpus/test_corpus_store.py", "corpus/test_corpus_open.py"],
    "corpus/db/claims.py": ["corpus/test_claims.py"],
    "corpus/curation/": ["corpus/test_curation.py"],
    "corpus/dedupe/": ["corpus/test_dedupe.py", "corpus/test_dedupe_near.py"],
    "corpus/exporting/": ["corpus/test_export.py"],
    "corpus/funnel.py": ["corpus/test_corpus_funnel.py"],
    "corpus/importing/": ["corpus/test_import.py", "corpus/test_import_trainings.py"],
    "corpus/importing/restore.py": ["corpus/test_export.py"],
    "corpus/pool.py": ["corpus/test_pool.py", "metrics/test_order.py", "loop/test_genetic_runs.py"],
    "corpus/query/static.py": ["corpus/test_corpus_static.py"],
    **{
        f"corpus/{name}.py": ["corpus/test_corpus_query.py", "metrics/test_order.py"]
        for name in ("arrow", "best", "conditions", "frame", "query", "scan", "tables")
    },
    "evaluation/": [
        f"evaluation/test_{name}.py" for name in ("screening", "trials", "diagnostics", "judge")
    ],
    "evaluation/presets.py": ["evaluation/test_presets.py"],
    "evaluation/transform_screening.py": ["evaluation/test_transform_candidates.py"],
    "loop/": ["loop/test_search.py", "loop/test_check_nn.py", "loop/test_loop_order.py"],
    "loop/champion.py": ["loop/test_loop_order.py", "loop/test_genetic_runs.py"],
    "loop/checking.py": ["cli/test_check.py"],
    "loop/corpus_screening.py": ["cli/test_cli_screen.py"],
    "loop/grow.py": ["loop/test_grow.py", "loop/test_whitespace_tier.py"],
    "loop/space.py": ["loop/test_space.py"],
}
# Those of which a defect looks like one that somebody made: no `+` that becomes a shift.
OPERATORS = (
    *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceTrueWithFalse"),
    *("ReplaceFalseWithTrue", "ReplaceBreakWithContinue", "ReplaceContinueWithBreak"),
    *("NumberReplacer", "ZeroIterationForLoop", "ReplaceUnaryOperator_USub_UAdd"),
    "ReplaceUnaryOperator_Delete_Not",
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul")),
    *(f"ReplaceBinaryOperator_{pair}" for pair in ("FloorDiv_Div", "Pow_Mul")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "Lt_Gt")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("LtE_Lt", "Gt_GtE", "Gt_Lt", "GtE_Gt")),
    *(f"ReplaceComparisonOperator_{pair}" for pair in ("Is_IsNot", "IsNot_Is")),
)


@dataclass(frozen=True)
class Mutant:
    """The `occurrence`-th place in a file (below src/lemur2) where an operator has work."""

    file: str
    operator: str
    occurrence: int

    def text(self) -> str:
        """The mutated file; the file itself where the place is gone."""
        operator = get_operator(f"core/{self.operator}")()
        return mutate_code(_source(self.file), operator, self.occurrence) or _source(self.file)

    def change(self) -> str:
        """The lines that differ."""
        lines = unified_diff(
            _source(self.file).splitlines(), self.text().splitlines(), lineterm="", n=0
        )
        return "\n".join(list(lines)[2:])

    def computes(self) -> bool:
        """Whether what changes is more than a decorator's option or how arguments are passed."""
        changed = [line[1:].lstrip() for line in self.change().splitlines() if line[0] == "-"]
        return not all(line.startswith(("@", "*,")) for line in changed)


def main() -> None:
    """Judge what is asked for, and say what was killed."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("where", nargs="*", help="files or folders below src/lemur2")
    parser.add_argument("--per", type=int, default=16, help="mutants of each package")
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--most", type=int, help="judge no more than so many now")
    parser.add_argument("--again", action="store_true", help="judge what survived once more")
    parser.add_argument("--results", type=Path, default=Path("mutants.jsonl"))
    given = parser.parse_args()
    known = _known(given.results)
    if given.again:
        wanted = [mutant for mutant, verdict in known.items() if verdict == "survived"]
        known = {mutant: verdict for mutant, verdict in known.items() if mutant not in wanted}
        given.results.write_text("".join(_line(*each) for each in known.items()))
    else:
        wanted = list(_sample(given.where, given.per, given.seed))
    todo = [mutant for mutant in wanted if mutant not in known][: given.most]
    with tempfile.TemporaryDirectory() as folder, given.results.open("a") as results:
        for mutant in todo if _is_sound(Path(folder), todo) else ():
            known[mutant] = _judge(Path(folder), mutant)
            results.write(_line(mutant, known[mutant]))
            results.flush()
            print(
                f"{known[mutant]:9}{mutant.file} {mutant.operator}\n{mutant.change()}", flush=True
            )
    _summarise({mutant: known[mutant] for mutant in wanted if mutant in known})
    sys.exit(any(mutant not in known for mutant in wanted))


def _source(file: str) -> str:
    return (ROOT / "src" / "lemur2" / file).read_text(encoding="utf-8")


def _sample(where: Sequence[str], per: int, seed: int) -> Iterator[Mutant]:
    for package in PACKAGES:
        files = sorted(
            path.relative_to(ROOT / "src" / "lemur2").as_posix()
            for path in (ROOT / "src" / "lemur2" / package).rglob("*.py")
        )
        found = [
            mutant
            for file in files
            if not file.startswith(LEFT_OUT) and (not where or file.startswith(tuple(where)))
            for mutant in _mutants(file)
        ]
        random.Random(f"{seed} {package}").shuffle(found)
        yield from itertools.islice((mutant for mutant in found if mutant.computes()), per)


def _mutants(file: str) -> Iterator[Mutant]:
    nodes = list(ast_nodes(get_ast(_source(file))))
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        places = sum(1 for node in nodes for _ in operator.mutation_positions(node))
        for occurrence in range(places):
            yield Mutant(file, name, occurrence)


def _tests(file: str) -> list[str]:
    return TESTS[max((prefix for prefix in TESTS if file.startswith(prefix)), key=len)]


def _is_sound(folder: Path, todo: Sequence[Mutant]) -> bool:
    """Make the copy; whether the tests pass in it as it is."""
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    tests = sorted({test for mutant in todo for test in _tests(mutant.file)})
    if tests and _run(folder, tests) != 0:
        sys.exit("the tests fail without a mutant; mend that first")
    return True


def _judge(folder: Path, mutant: Mutant) -> str:
    path = folder / "src" / "lemur2" / mutant.file
    path.write_text(mutant.text(), encoding="utf-8")
    try:
        return "survived" if _run(folder, _tests(mutant.file)) == 0 else "killed"
    except subprocess.TimeoutExpired:
        return "killed"
    finally:
        path.write_text(_source(mutant.file), encoding="utf-8")


def _run(folder: Path, tests: Sequence[str]) -> int:
    """Pytest's exit status; what belongs to PostgreSQL is left out, which takes long to start."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    process = subprocess.Popen(
        [*command, "-k", "not postgresql", *(f"tests/{test}" for test in tests)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return process.wait(PATIENCE)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, 9)
            process.wait()


def _known(results: Path) -> dict[Mutant, str]:
    """What was judged before. A file that has changed since then makes its mutants others."""
    known = {}
    for line in results.read_text().splitlines() if results.exists() else ():
        row = json.loads(line)
        verdict, change = row.pop("verdict"), row.pop("change")
        mutant = Mutant(**row)
        if mutant.change() == change:
            known[mutant] = verdict
    return known


def _line(mutant: Mutant, verdict: str) -> str:
    return json.dumps({**asdict(mutant), "verdict": verdict, "change": mutant.change()}) + "\n"


def _summarise(verdicts: dict[Mutant, str]) -> None:
    for package in PACKAGES:
        found = Counter(v for m, v in verdicts.items() if m.file.startswith(f"{package}/"))
        if found:
            print(f"{package:12}{found['killed']:4} of {found.total():4} killed")
    found = Counter(verdicts.values())
    print(f"{'all':12}{found['killed']:4} of {found.total():4} killed")


if __name__ == "__main__":
    main()
