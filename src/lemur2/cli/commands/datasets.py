"""`lemur2 datasets`: data sets of one's own under a name, and what is in any data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lemur2.cli.group import SuggestingGroup
from lemur2.cli.options import Whole, json_option, wide_option
from lemur2.cli.output import emit_json, print_fields, print_table, say
from lemur2.errors import UsageError

_SIDE = Whole(8, 1024)
_COLUMNS = ("data set", "found", "what")


@click.group(cls=SuggestingGroup)
def datasets() -> None:
    """Data sets: the named ones, and your own pictures under a name.

    Wherever a command takes a data set, it takes your own: folder:PATH (a folder for each class,
    or train / val / test above them), csv:FILE, parquet:FILE, saved:PATH (a Hugging Face data set
    saved to disk) or npz:FILE. `add` gives one a short name.

    \b
    lemur2 datasets add flowers folder:~/pictures/flowers
    lemur2 datasets show flowers --sheet flowers.png
    lemur2 train LeNet --dataset flowers --metric balanced-acc
    """


@datasets.command()
@click.argument("name")
@click.argument("source")
@click.option(
    "--side",
    type=_SIDE,
    help="Pixels that pictures are brought to, square. [the median shorter side, 32 to 224]",
)
@click.option("--picture", metavar="COLUMN", help="The column of a table that has the pictures.")
@click.option("--label", metavar="COLUMN", help="The column of a table that has the classes.")
@json_option
def add(
    name: str,
    source: str,
    side: int | None,
    picture: str | None,
    label: str | None,
    as_json: bool,
) -> None:
    """Give data of your own a name, which every command takes.

    SOURCE is folder:PATH, csv:FILE, parquet:FILE, saved:PATH or npz:FILE. It is looked through,
    and read when it is first used; nothing is copied before.

    \b
    lemur2 datasets add flowers folder:flowers --side 64
    lemur2 datasets add birds csv:birds.csv --picture photo --label species
    """
    from lemur2.datasets import dataset_names, remembered
    from lemur2.datasets.own import Choices
    from lemur2.datasets.registry import own_pictures

    remembered.check_name(name)
    if name in dataset_names():
        raise UsageError(f"the name {name!r} is that of a data set which is there already")
    made = own_pictures(source, name=name, choices=Choices(side, picture, label))
    looked = made.open()
    entry = remembered.Entry(made.source_name, side, picture, label)
    remembered.remember(name, entry)
    if as_json:
        emit_json({"name": name, "source": entry.source, "side": side, "files": len(looked)})
    else:
        say(
            f"{name}: {len(looked):,} pictures to read in {entry.source}; "
            f"`lemur2 datasets show {name}` reads them"
        )


@datasets.command("list")
@wide_option
@json_option
def list_(as_json: bool) -> None:
    """All data sets by name: those that come with lemur2 or a package, and your own.

    \b
    lemur2 datasets list
    lemur2 datasets list --json | jq 'select(.found).name'
    """
    rows = known()
    if as_json:
        for row in rows:
            emit_json(row)
    else:
        shown = [(r["name"], "yes" if r["found"] else "no", r["about"]) for r in rows]
        print_table(_COLUMNS, shown)
        say("any other: folder:PATH, csv:FILE, parquet:FILE, saved:PATH, npz:FILE")


def known() -> list[dict[str, Any]]:
    """Every data set that has a name: registered ones, and those that were remembered."""
    return [*_registered(), *_remembered()]


def _registered() -> list[dict[str, Any]]:
    from lemur2.datasets import data_root, dataset_classes

    root = data_root()
    return [
        {
            "name": name,
            "task": kind.task,
            "found": kind().available(root),
            "about": kind.about,
            "source": None,
        }
        for name, kind in dataset_classes().items()
    ]


def _remembered() -> list[dict[str, Any]]:
    from lemur2.datasets import data_root, dataset, remembered

    rows = []
    for name, entry in remembered.entries().items():
        found = dataset(name)
        row = {"name": name, "task": found.task, "found": found.available(data_root())}
        about = f"{entry.source}{f', side {entry.side}' if entry.side else ''}"
        rows.append({**row, "about": about, "source": entry.source, "side": entry.side})
    return rows


@datasets.command()
@click.argument("name")
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.png",
    help="Write a sheet of pictures to look at: some of every class, of the training part.",
)
@wide_option
@json_option
def show(name: str, sheet: Path | None, as_json: bool) -> None:
    """What is in a data set: classes, parts, sizes, and what was skipped and why.

    It is read now where it was not yet. NAME is any data set's, your own among them.

    \b
    lemur2 datasets show flowers
    lemur2 datasets show folder:flowers --sheet flowers.png
    """
    from lemur2.datasets import prepare
    from lemur2.datasets.overview import overview
    from lemur2.datasets.sheets import check_sheet, write_sheet

    if sheet is not None:
        check_sheet(sheet)
    prepared = prepare(name)
    found = overview(prepared)
    if sheet is not None:
        write_sheet(prepared, sheet)
    if as_json:
        emit_json({**found, "sheet": None if sheet is None else str(sheet)})
        return
    _show(found)
    if sheet is not None:
        say(f"wrote {sheet}")


def _show(found: dict[str, Any]) -> None:
    parts = found["parts"]
    say(f"{found['name']}: {sum(parts.values()):,} samples for {found['task']}")
    fields = [("parts", ", ".join(f"{name} {count:,}" for name, count in parts.items()))]
    fields.append(("a sample", " x ".join(map(str, found["sample_shape"]))))
    facts = found["facts"]
    if facts:
        fields += _facts(facts)
    print_fields(fields)
    if found["classes"]:
        _classes(found)


def _facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    sizes = facts["common_sizes"]
    common = ", ".join(f"{each['width']} x {each['height']} ({each['count']})" for each in sizes)
    fields = [
        ("source", facts["source"]),
        ("widths", _range(facts["widths"])),
        ("heights", _range(facts["heights"])),
        ("sizes", common),
    ]
    copies = facts["copies"]
    if copies["pictures"]:
        text = f"{copies['pictures']} of {copies['of']} pictures; all of one picture in one part"
        fields.append(("copies", text))
    fields += [("contradiction", _contradiction(c)) for c in facts["contradictions"]["pictures"]]
    fields += [
        ("skipped", f"{s['reason']}: {s['count']} ({', '.join(s['names'])}{_more(s)})")
        for s in facts["skipped"]
    ]
    return fields


def _more(skipped: dict[str, Any]) -> str:
    return ", ..." if skipped["count"] > len(skipped["names"]) else ""


def _contradiction(copies: list[dict[str, str]]) -> str:
    return "the same picture: " + ", ".join(f"{c['name']} is {c['class']}" for c in copies)


def _range(values: dict[str, int]) -> str:
    return f"{values['least']} to {values['most']}, median {values['median']}"


def _classes(found: dict[str, Any]) -> None:
    say("")
    columns = ("class", *found["parts"], "all", "share")
    rows = [
        (
            each["class"],
            *(each["parts"][part] for part in found["parts"]),
            each["all"],
            f"{each['share']:.1%}",
        )
        for each in found["classes"]
    ]
    print_table(columns, rows, right=columns[1:])
    balance = found["imbalance"]
    if balance["ratio"] > 1.5:
        say(
            f"\nthe largest class has {balance['ratio']:.1f} times the samples of the smallest; on "
            f"the test part, always to say {balance['largest']!r} scores acc {balance['acc']:.4f} "
            f"and balanced-acc {balance['balanced-acc']:.4f}"
        )


@datasets.command()
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Forget the name of data of your own; the files stay where they are.

    \b
    lemur2 datasets remove flowers
    lemur2 datasets remove flowers --json
    """
    from lemur2.datasets import remembered

    entry = remembered.forget(name)
    if as_json:
        emit_json({"name": name, "source": entry.source})
    else:
        say(f"forgot {name}; {entry.source} is as it was")
