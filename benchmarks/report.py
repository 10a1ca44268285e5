"""The report over a whole corpus: CPU seconds and peak memory against their limits.

    python benchmarks/report.py [--db corpus.db]

Without a corpus it fetches and imports the field's (100 MB by pip, half a minute of CPU).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_SECONDS = 60.0
LIMIT_MEMORY = 1.5e9

MEASURE = """
import json, resource, sys
from pathlib import Path
from lemur2.corpus import Corpus
from lemur2.statistics import write_report
with Corpus.open(sys.argv[1], read_only=True) as corpus:
    written = write_report(corpus, Path(sys.argv[2]))
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "seconds": used.ru_utime + used.ru_stime,
    "memory": used.ru_maxrss * 1024,
    "pictures": written.pictures,
    "trials": written.trials,
    "size": written.page.stat().st_size,
}))
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--db", help="an imported corpus; none: import it")
    given = parser.parse_args().db
    with tempfile.TemporaryDirectory() as folder:
        db = given or _imported(Path(folder))
        command = [sys.executable, "-c", MEASURE, db, f"{folder}/report"]
        ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    print(f"{found['trials']:,} trials, {found['pictures']} figures, {found['size'] / 1e6:.1f} MB")
    for name, limit, unit, scale in (
        ("seconds", LIMIT_SECONDS, "s CPU", 1),
        ("memory", LIMIT_MEMORY, "MB peak", 1e6),
    ):
        value = found[name]
        print(f"{value / scale:.1f} {unit}, {value / limit:.2f} of the limit {limit / scale:.0f}")


def _imported(folder: Path) -> str:
    db = str(folder / "corpus.db")
    command = [sys.executable, "-m", "lemur2", "import", "nn-dataset", "--db", db]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return db


if __name__ == "__main__":
    main()
