"""From a corpus to a folder: source files, a JSON line each, and a report."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lemur2 import __version__
from lemur2.corpus.curation.choose import Chosen, Rules, choose
from lemur2.corpus.curation.split import SPLITS, Shares, Split, assign, closest, groups
from lemur2.corpus.dedupe.marks import entries
from lemur2.corpus.dedupe.tiers import Entry
from lemur2.corpus.progress import Progress, silent
from lemur2.corpus.query.static import all_static_facts
from lemur2.corpus.store import Corpus
from lemur2.errors import UserError
from lemur2.paths import inside, is_name


@dataclass(frozen=True, kw_only=True)
class Curated:
    """A training set.

    Attributes:
        chosen: Its networks, and what became of the rest.
        group, splits: Of every network, in the same order.
        report: What `report.json` holds.
    """

    chosen: Chosen
    group: tuple[int, ...]
    splits: tuple[Split, ...]
    report: dict[str, Any]


def curate(
    corpus: Corpus,
    rules: Rules,
    *,
    shares: Shares | None = None,
    apart: float | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Curated:
    """Choose and split; the same corpus, arguments and version give the same.

    Args:
        corpus: Where the networks are.
        rules: What to choose by.
        shares: Of validation and test.
        apart: Jaccard similarity from which two networks go to the same split; by default that
            of the rules. Never above it.
        seed: Of the split.
        progress: Told how far it is.

    Raises:
        UserError: Nothing was chosen.
    """
    shares = shares or Shares()
    apart = min(rules.threshold, apart or rules.threshold)
    chosen = choose(entries(corpus), rules, progress)
    if not chosen.entries:
        raise UserError(f"{corpus.database.place} has no networks to choose from")
    group = groups(chosen.entries, chosen.sketches, apart)
    splits = assign(group, shares, seed)
    settings = {**asdict(rules), **asdict(shares), "apart": apart, "seed": seed}
    report = _report(chosen, group, splits, settings)
    return Curated(chosen=chosen, group=tuple(group), splits=tuple(splits), report=report)


def _report(
    chosen: Chosen, group: list[int], splits: list[Split], settings: dict[str, Any]
) -> dict[str, Any]:
    parts = {}
    for split in SPLITS:
        places = [place for place, each in enumerate(splits) if each == split]
        parts[split] = {
            "networks": len(places),
            "groups": len({group[place] for place in places}),
            "families": len({chosen.entries[place].family for place in places}),
        }
    pair = closest(chosen.sketches, splits)
    nearest = None
    if pair is not None:
        names = [chosen.entries[place].name for place in pair[1:]]
        nearest = {"similarity": round(pair[0], 4), "networks": names}
    return {
        "lemur2": __version__,
        "settings": settings,
        "counts": chosen.counts,
        "splits": parts,
        "largest_group": max(Counter(group).values()),
        "closest_across_splits": nearest,
        "families": {
            family: {"corpus": had, "chosen": got} for family, (had, got) in chosen.families.items()
        },
    }


def refuse_filled(out: Path) -> None:
    """Raise UserError where something is in the way of a new folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already; choose a new folder with --out")


def write(curated: Curated, corpus: Corpus, out: Path) -> None:
    """Write a folder: `<split>/<name>.py`, `<split>.jsonl`, `report.json` and `report.md`.

    A JSON line holds nn, family, split, group (networks of one are alike), file, digest, facts
    (`architecture.facts`) and code. The folder appears whole or not at all.

    Raises:
        UserError: The folder is there and not empty, or it cannot be written.
    """
    refuse_filled(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            _write_all(curated, corpus, partial)
            partial.chmod(0o755)
            os.replace(partial, out)
        finally:
            shutil.rmtree(partial, ignore_errors=True)  # ours; gone where it was renamed
    except OSError as error:
        raise UserError(
            f"cannot write {out}: {error.strerror}; choose another folder with --out"
        ) from error


def _write_all(curated: Curated, corpus: Corpus, folder: Path) -> None:
    chosen = curated.chosen.entries
    facts = all_static_facts(corpus, {entry.name for entry in chosen})
    for split in SPLITS:
        (folder / split).mkdir()
        with (folder / f"{split}.jsonl").open("w", encoding="utf-8") as index:
            for place, entry in enumerate(chosen):
                if curated.splits[place] == split:
                    found = facts[entry.name]
                    row = _row(entry, split, curated.group[place])
                    row["facts"] = None if found is None else found.to_json()
                    data = entry.source.encode("utf-8", "surrogatepass")
                    inside(folder / split, _stem(entry), ".py").write_bytes(data)
                    index.write(json.dumps({**row, "code": entry.source}) + "\n")
    (folder / "report.json").write_text(json.dumps(curated.report, indent=1) + "\n", "utf-8")
    (folder / "report.md").write_text(_markdown(curated.report), "utf-8")


def _row(entry: Entry, split: Split, group: int) -> dict[str, Any]:
    return {
        "nn": entry.name,
        "family": entry.family,
        "split": split,
        "group": group,
        "file": f"{split}/{_stem(entry)}.py",
        "digest": entry.digest,
    }


def _stem(entry: Entry) -> str:
    """A file's name without its suffix: the network's, as every file system can hold it."""
    stem = quote(entry.name, safe="")
    return stem if is_name(stem) else f"{stem.lstrip('.')[:150]}-{entry.digest[:32]}"


_COUNTS = {
    "corpus": "networks in the corpus",
    "unparsable": "do not parse",
    "exact": "repeat another's syntax tree",
    "alike": "are near-duplicates or of the same structure",
    "over": "are more than enough of their family",
    "minimum": "came back for a family's minimum",
    "topped up": "came back to top up",
    "chosen": "chosen",
}


def _markdown(report: dict[str, Any]) -> str:
    lines = ["# A training set of networks", "", f"Written by lemur2 {report['lemur2']} with", ""]
    lines += [f"- {name}: {value}" for name, value in report["settings"].items()]
    lines += ["", "| networks | |", "| --: | --- |"]
    lines += [f"| {report['counts'][name]:,} | {text} |" for name, text in _COUNTS.items()]
    lines += ["", "| split | networks | groups | families |", "| --- | --: | --: | --: |"]
    for split, part in report["splits"].items():
        row = " | ".join(f"{part[name]:,}" for name in ("networks", "groups", "families"))
        lines.append(f"| {split} | {row} |")
    lines += ["", f"The largest group of like networks has {report['largest_group']:,}."]
    if nearest := report["closest_across_splits"]:
        names = " and ".join(nearest["networks"])
        lines.append(f"The closest pair across splits: {nearest['similarity']} ({names}).")
    lines += ["", "| family | in the corpus | chosen |", "| --- | --: | --: |"]
    ranked = sorted(report["families"].items(), key=lambda item: (-item[1]["chosen"], item[0]))
    lines += [f"| {name} | {each['corpus']:,} | {each['chosen']:,} |" for name, each in ranked]
    return "\n".join(lines) + "\n"
