"""`parquet:FILE` and `saved:PATH`: pyarrow's tables, those of Hugging Face `datasets` too."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lemur2.datasets.raw import Part
from lemur2.datasets.sources import Found, Picture, Skipped, Source
from lemur2.datasets.tables import (
    LABEL_COLUMNS,
    NO_LABEL,
    PICTURE_COLUMNS,
    choose_column,
    file_in,
    part_column,
    part_of,
)
from lemur2.errors import UserError
from lemur2.texts import one_line

_ROWS = 64  # in memory at once


@dataclass(frozen=True)
class Shard:
    """One file of a table, and the part that its rows belong to, where its name says so."""

    path: Path
    part: Part | None


class ArrowTable(Source):
    """Rows with a picture (encoded bytes, Hugging Face's {bytes, path}, or a path) and a class.

    Args:
        place: The file or folder, for messages.
        picture: The column of pictures; None looks for one.
        label: Likewise, their classes.

    Raises:
        UserError: It is not there, no such table, or it lacks a column; or pyarrow is missing.
    """

    def __init__(self, place: Path, picture: str | None = None, label: str | None = None) -> None:
        self.place = place
        _pyarrow()
        if not place.exists():
            raise UserError(f"{place} is not there")
        with self._reading(place):
            self.shards = self.listed()
            if not self.shards:
                raise UserError(f"{place} holds no {self.kind}")
            schema = self.schema(self.shards[0].path)
            self._length = sum(self.rows(shard.path) for shard in self.shards)
        self._features = {**self.features(), **_features(schema)}
        columns = self._columns(schema, picture, label)
        self._picture, self._label, self._part = columns
        self.classes = self._class_names()
        if not self._length:
            raise UserError(f"{place} has no rows")

    kind: str  # what it is made of, for messages

    @abstractmethod
    def listed(self) -> list[Shard]:
        """The files, in order."""

    @abstractmethod
    def schema(self, path: Path) -> Any:
        """The schema of a file."""

    @abstractmethod
    def rows(self, path: Path) -> int:
        """How many rows a file has."""

    @abstractmethod
    def batches(self, path: Path, columns: Sequence[str]) -> Iterator[Any]:
        """A file's record batches, of these columns."""

    def features(self) -> dict[str, Any]:
        """Hugging Face's description of the columns, where it lies beside the files."""
        return {}

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Found]:
        for shard in self.shards:
            with self._reading(shard.path):
                yield from self._of(shard)

    def files(self) -> Sequence[Path]:
        """The files of the table; pictures that it names by path are not looked at."""
        return [shard.path for shard in self.shards]

    def names(self) -> Sequence[str]:
        """Their paths."""
        return [str(shard.path) for shard in self.shards]

    def _of(self, shard: Shard) -> Iterator[Found]:
        columns = [each for each in (self._picture, self._label, self._part) if each is not None]
        row = 0
        for batch in self.batches(shard.path, columns):
            for start in range(0, batch.num_rows, _ROWS):
                for values in batch.slice(start, _ROWS).to_pylist():
                    row += 1
                    yield self._found(f"{shard.path.name} row {row}", values, shard)

    def _found(self, name: str, values: dict[str, Any], shard: Shard) -> Found:
        picture = values[self._picture]
        path = picture.get("path") if isinstance(picture, dict) else None
        content = picture.get("bytes") if isinstance(picture, dict) else picture
        if isinstance(path, str) and path:
            name = f"{name} ({path})"
        if content is None and path:
            content = path
        if content is None:
            return Skipped(name, "no picture in it")
        label = self._named(values[self._label])
        if label is None:
            return Skipped(name, NO_LABEL)
        part = shard.part
        if self._part is not None:
            part = part_of(values[self._part])
            if part is None:
                return Skipped(name, "a part that is neither train, validation nor test")
        if isinstance(content, str):
            return Picture(name, label, part, file_in(shard.path.parent, content))
        if not isinstance(content, bytes):
            return Skipped(name, "no picture in it")
        return Picture(name, label, part, content)

    def _named(self, value: Any) -> str | None:
        """A class's name; None where there is none."""
        if value is None or (isinstance(value, float) and value != value):
            return None
        if self.classes is not None and isinstance(value, int):
            return self.classes[value] if 0 <= value < len(self.classes) else None
        if self.classes is not None:
            return value if value in self.classes else None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return str(value).strip() or None

    def _class_names(self) -> tuple[str, ...] | None:
        names = _class_label(self._features.get(self._label))
        return tuple(map(str, names)) if names else None

    def _columns(
        self, schema: Any, picture: str | None, label: str | None
    ) -> tuple[str, str, str | None]:
        columns = list(schema.names)
        where = f"the table {self.place}"
        if picture is None:
            of_bytes = [each for each in columns if _holds_pictures(schema.field(each).type)]
            picture = of_bytes[0] if len(of_bytes) == 1 else None
        if label is None:
            classes = [each for each in columns if _class_label(self._features.get(each))]
            label = classes[0] if len(classes) == 1 else None
        picture = choose_column(columns, picture, PICTURE_COLUMNS, "pictures", where)
        label = choose_column(columns, label, LABEL_COLUMNS, "classes", where)
        if _nested(schema.field(label).type):
            raise UserError(f"{where} has several classes a row in column {label!r}; one is needed")
        part = part_column([each for each in columns if each not in (picture, label)])
        return picture, label, part

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        try:
            yield
        except (_pyarrow().ArrowException, OSError, ValueError, KeyError, TypeError) as error:
            why = getattr(error, "strerror", None) or one_line(error, 160) or type(error).__name__
            raise UserError(f"{path} cannot be read as a {self.kind} ({why})") from error


class ParquetTable(ArrowTable):
    """A Parquet file, or a folder of them as the Hugging Face Hub has it (train-*.parquet)."""

    kind = "Parquet file"

    def listed(self) -> list[Shard]:
        """The file itself, else all files below the folder."""
        if not self.place.is_dir():
            return [Shard(self.place, None)]
        found = sorted(self.place.rglob("*.parquet"))
        return [
            Shard(path, part_of(path.stem.partition("-")[0]) or part_of(path.parent.name))
            for path in found
        ]

    def schema(self, path: Path) -> Any:
        """From the file's end."""
        return _parquet(path).schema_arrow

    def rows(self, path: Path) -> int:
        """From the file's end."""
        return int(_parquet(path).metadata.num_rows)

    def batches(self, path: Path, columns: Sequence[str]) -> Iterator[Any]:
        """A few rows at a time."""
        yield from _parquet(path).iter_batches(_ROWS, columns=list(columns))


class SavedTable(ArrowTable):
    """What Hugging Face `Dataset.save_to_disk` and `DatasetDict.save_to_disk` write."""

    kind = "saved data set"

    def listed(self) -> list[Shard]:
        """The files that `state.json` lists, of one data set or of each split."""
        splits = _json(self.place / "dataset_dict.json").get("splits")
        if splits is None:
            return self._state(self.place, None)
        parts = {split: part_of(split) for split in splits}
        known = [split for split in splits if parts[split] is not None]
        if not known and len(splits) > 1:
            raise UserError(
                f"{self.place} has the splits {', '.join(map(str, splits))}; none is called train"
            )
        return [
            shard
            for split in known or splits
            for shard in self._state(self.place / Path(split).name, parts[split])
        ]

    def _state(self, folder: Path, part: Part | None) -> list[Shard]:
        files = _json(folder / "state.json").get("_data_files")
        if files is None:
            raise UserError(f"{folder} is no {self.kind}: it has no state.json")
        return [Shard(folder / Path(each["filename"]).name, part) for each in files]

    def schema(self, path: Path) -> Any:
        """From the stream's beginning."""
        with self._stream(path) as stream:
            return stream.schema

    def rows(self, path: Path) -> int:
        """By going through the stream, which is mapped and not read."""
        with self._stream(path) as stream:
            return sum(batch.num_rows for batch in stream)

    def batches(self, path: Path, columns: Sequence[str]) -> Iterator[Any]:
        """As they were written; they lie in the file until they are asked for."""
        with self._stream(path) as stream:
            for batch in stream:
                yield batch.select(list(columns))

    def features(self) -> dict[str, Any]:
        """From `dataset_info.json`."""
        info = _json(self.shards[0].path.parent / "dataset_info.json")
        features = info.get("features")
        return features if isinstance(features, dict) else {}

    @contextmanager
    def _stream(self, path: Path) -> Iterator[Any]:
        arrow = _pyarrow()
        with arrow.memory_map(str(path)) as mapped, arrow.ipc.open_stream(mapped) as stream:
            yield stream


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        raise UserError(
            "tables of this kind need pyarrow; do `pip install 'lemur2[analysis]'`"
        ) from None
    return pyarrow


def _parquet(path: Path) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(path)


def _json(path: Path) -> dict[str, Any]:
    """An object that a file holds; an empty one where it is not there."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no object")
    return found


def _features(schema: Any) -> dict[str, Any]:
    """Hugging Face's description of the columns, where the schema carries it."""
    try:
        stored = json.loads((schema.metadata or {})[b"huggingface"])
        features = stored["info"]["features"]
    except (KeyError, ValueError, TypeError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_label(feature: Any) -> Any:
    """The names of a column of classes; None for another column."""
    if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
        names = feature.get("names")
        return names if isinstance(names, list) else None
    return None


def _holds_pictures(kind: Any) -> bool:
    types = _pyarrow().types
    if types.is_struct(kind):
        return bool(kind.get_field_index("bytes") >= 0)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _nested(kind: Any) -> bool:
    types = _pyarrow().types
    return bool(types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind))
