"""`csv:FILE`: a table of picture files and their classes; what all tables share."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from lemur2.datasets.raw import Part
from lemur2.datasets.sources import PART_NAMES, Found, Picture, Skipped, Source
from lemur2.errors import UserError
from lemur2.suggestions import did_you_mean
from lemur2.texts import one_line

PICTURE_COLUMNS = (
    *("image", "picture", "img", "photo", "path", "file", "filename", "file_name", "filepath"),
    *("file_path", "image_path", "image_file", "picture_path", "bytes"),
)
LABEL_COLUMNS = (
    *("label", "class", "category", "target", "species", "class_name", "labels", "fine_label"),
    *("y", "label_name"),
)
PART_COLUMNS = ("split", "part", "subset", "partition")
NO_LABEL = "no label"
_DELIMITERS = ",;\t"


def choose_column(
    columns: Sequence[str], wanted: str | None, usual: Sequence[str], what: str, where: str
) -> str:
    """The column of a table that is meant.

    Args:
        columns: Those that there are.
        wanted: The one that was asked for; None takes the first usual one.
        usual: What such a column is called, in small letters.
        what: What it holds, for messages: `pictures`.
        where: The table, for messages.

    Raises:
        UserError: There is none.
    """
    if wanted is not None:
        if wanted in columns:
            return wanted
        hint = did_you_mean(wanted, columns, f"it has {_listed(columns)}")
        raise UserError(f"{where} has no column {one_line(wanted)!r}; {hint}")
    folded = {column.strip().casefold(): column for column in reversed(columns)}
    found = next((folded[name] for name in usual if name in folded), None)
    if found is None:
        raise UserError(
            f"{where} has no column of {what} ({', '.join(usual[:4])}, ...), but "
            f"{_listed(columns)}; name it: lemur2 datasets add NAME SOURCE --picture COLUMN "
            "--label COLUMN"
        )
    return found


def part_column(columns: Sequence[str]) -> str | None:
    """The column that says to which part a row belongs, where there is one."""
    return next((each for each in columns if each.strip().casefold() in PART_COLUMNS), None)


def part_of(text: str | None) -> Part | None:
    """The part that a text stands for; None where it stands for none."""
    return PART_NAMES.get(str(text or "").strip().casefold())


def file_in(folder: Path, text: str) -> Path:
    """The file that a table names: relative to the table's folder."""
    return folder / Path(text)


class CsvTable(Source):
    """A table of text with a header: a column of files, one of classes, perhaps one of parts.

    Raises:
        UserError: There is no such file, it is no table, or it lacks a column.
    """

    def __init__(self, path: Path, picture: str | None = None, label: str | None = None) -> None:
        self.path = path
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                self._found = list(self._rows(file.readlines(), picture, label))
        except OSError as error:
            raise UserError(f"the table {path} cannot be read ({error.strerror})") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"{path} is no table of UTF-8 text ({one_line(error)})") from error
        if not self._pictures:
            raise UserError(f"the table {path} has no row with a file and a class")

    def __len__(self) -> int:
        return len(self._pictures)

    def __iter__(self) -> Iterator[Found]:
        return iter(self._found)

    def files(self) -> Sequence[Path]:
        """The table, and the pictures that it names."""
        return [self.path, *(path for each in self._pictures if (path := _file(each)) is not None)]

    @cached_property
    def _pictures(self) -> list[Picture]:
        return [each for each in self._found if isinstance(each, Picture)]

    def _rows(self, lines: list[str], picture: str | None, label: str | None) -> Iterator[Found]:
        header = lines[0] if lines else ""
        delimiter = max(_DELIMITERS, key=header.count)
        reader = csv.DictReader(lines, delimiter=delimiter)
        columns = list(reader.fieldnames or ())
        where = f"the table {self.path}"
        files = choose_column(columns, picture, PICTURE_COLUMNS, "pictures", where)
        labels = choose_column(columns, label, LABEL_COLUMNS, "classes", where)
        parts = part_column(columns)
        for row in reader:
            name = (row[files] or "").strip()
            named = f"row {reader.line_num}"
            if not name:
                yield Skipped(named, "no file named")
            elif not (text := (row[labels] or "").strip()):
                yield Skipped(name, NO_LABEL)
            else:
                part = part_of(row[parts]) if parts else None
                if parts and part is None:
                    yield Skipped(name, "a part that is neither train, validation nor test")
                else:
                    yield Picture(name, text, part, file_in(self.path.parent, name))


def _file(picture: Picture) -> Path | None:
    return picture.content if isinstance(picture.content, Path) else None


def _listed(columns: Sequence[str]) -> str:
    shown = ", ".join(one_line(column, 40) for column in columns[:12])
    return (shown or "none") + (", ..." if len(columns) > 12 else "")
