"""`folder:PATH`: a folder for each class, or train / val / test folders above them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from lemur2.datasets.raw import Part
from lemur2.datasets.sources import PART_NAMES, Found, Picture, Skipped, Source
from lemur2.errors import UserError

HIDDEN = "hidden"
_LOST = "in no class folder"
_DEEPEST = 32  # folders in each other


class ClassFolders(Source):
    """The pictures below a folder; nothing is decoded.

    Raises:
        UserError: There is no such folder, or none of its folders stands for a class.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "is not there"
            raise UserError(f"the folder {folder} {what}; give one that holds a folder a class")
        self._real = folder.resolve()
        self._found = list(self._scan())
        if not any(isinstance(each, Picture) for each in self._found):
            raise UserError(self._nothing())

    def __len__(self) -> int:
        return len(self._pictures)

    def __iter__(self) -> Iterator[Found]:
        return iter(self._found)

    def files(self) -> Sequence[Path]:
        """Every file that may be a picture."""
        return [Path(self.folder, each.name) for each in self._pictures]

    def names(self) -> Sequence[str]:
        """Their paths inside the folder, by which they have a class."""
        return [each.name for each in self._pictures]

    @cached_property
    def _pictures(self) -> list[Picture]:
        return [each for each in self._found if isinstance(each, Picture)]

    def _nothing(self) -> str:
        lost = sum(isinstance(each, Skipped) and each.reason == _LOST for each in self._found)
        if lost:
            return (
                f"the folder {self.folder} has {lost} files and no class folders with pictures; "
                "put the pictures of each class into a folder of that name"
            )
        return f"the folder {self.folder} holds no pictures; it must hold a folder a class"

    def _scan(self) -> Iterator[Found]:
        parts = self._parts()
        if not parts:
            yield from self._classes("", None)
            return
        for name in self._folders(""):
            if name in parts:
                yield from self._classes(name, parts[name])
            else:
                yield Skipped(name, "folder beside train and test")
        yield from self._loose("")

    def _parts(self) -> dict[str, Part]:
        """The folders that stand for parts; none where the folders are classes.

        A folder `train` stands for a part where it holds folders itself: a class of trains does
        not.
        """
        named = {name: PART_NAMES.get(name.casefold()) for name in self._folders("")}
        parts = {name: part for name, part in named.items() if part is not None}
        holding = {name for name in parts if self._folders(name)}
        if any(parts[name] == "train" for name in holding):
            return parts
        if holding and holding == set(named):
            raise UserError(
                f"the folder {self.folder} has {' and '.join(sorted(holding))}, but no train "
                "folder; add one"
            )
        return {}

    def _classes(self, above: str, part: Part | None) -> Iterator[Found]:
        for name in self._folders(above):
            found = list(self._walk(f"{above}/{name}" if above else name, name, part, ()))
            yield from found
            if not any(isinstance(each, Picture) for each in found):
                yield Skipped(f"{above}/{name}" if above else name, "class without a picture")
        yield from self._loose(above)

    def _loose(self, above: str) -> Iterator[Skipped]:
        """What lies beside the folders, where a class folder is expected."""
        for entry in self._entries(above):
            name = f"{above}/{entry.name}" if above else entry.name
            if entry.name.startswith("."):
                yield Skipped(name, HIDDEN)
            elif reason := self._link(entry):
                yield Skipped(name, reason)
            elif not entry.is_dir():
                yield Skipped(name, _LOST)

    def _folders(self, inside: str) -> list[str]:
        """Names of the folders in one, sorted; hidden ones and links that lead out are left."""
        return [
            entry.name
            for entry in self._entries(inside)
            if not entry.name.startswith(".") and not self._link(entry) and entry.is_dir()
        ]

    def _walk(
        self, inside: str, label: str, part: Part | None, above: tuple[str, ...]
    ) -> Iterator[Found]:
        """All files below a folder, whichever folders they lie in."""
        real = os.path.realpath(self.folder / inside)
        if real in above or len(above) >= _DEEPEST:
            yield Skipped(inside, "link in a circle" if real in above else "nested too deeply")
            return
        try:
            entries = self._entries(inside, strict=True)
        except OSError as error:
            yield Skipped(inside, f"cannot be read ({error.strerror})")
            return
        for entry in entries:
            name = f"{inside}/{entry.name}"
            if entry.name.startswith("."):
                yield Skipped(name, HIDDEN)
            elif reason := self._link(entry):
                yield Skipped(name, reason)
            elif entry.is_dir():
                yield from self._walk(name, label, part, (*above, real))
            elif reason := _irregular(entry):
                yield Skipped(name, reason)
            else:
                yield Picture(name, label, part, self.folder / name)

    def _entries(self, inside: str, *, strict: bool = False) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder / inside) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            if strict:
                raise
            return []

    def _link(self, entry: os.DirEntry[str]) -> str:
        """Why a link is not followed; "" for those that are, and for what is no link."""
        if not entry.is_symlink():
            return ""
        try:
            real = Path(entry.path).resolve(strict=True)
        except (OSError, RuntimeError):
            return "link to nothing"
        return "" if real.is_relative_to(self._real) else "link that leads out of the folder"


def _irregular(entry: os.DirEntry[str]) -> str:
    """Why a file that is no folder is not opened; "" for regular ones."""
    try:
        mode = entry.stat().st_mode
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return "" if stat.S_ISREG(mode) else "no regular file"
