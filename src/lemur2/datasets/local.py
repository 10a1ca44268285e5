"""What the data sets under `LEMUR2_DATA` share: torchvision's folders, and its downloads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

from lemur2.datasets.base import Dataset
from lemur2.datasets.raw import RawData
from lemur2.errors import UserError


class LocalDataset(Dataset):
    """A data set in torchvision's on-disk format.

    The readers are our own: torchvision's compare every file with the digest of the one original,
    and take torch to read an array. Downloading is torchvision's, which checks those digests.
    """

    def load(self, root: Path, *, download: bool) -> RawData:
        """Read the files, after fetching them where asked."""
        if download and not self.available(root):
            self._download(root)
        if not self.available(root):
            raise self._not_there(root)
        try:
            return self.read(root)
        except (OSError, ValueError, EOFError, KeyError) as error:
            raise UserError(
                f"data set {self.name!r} in {self.folder(root)} cannot be read ({error}); "
                "delete the damaged files and fetch them again"
            ) from error

    @abstractmethod
    def read(self, root: Path) -> RawData:
        """Read the files, which are there."""

    @abstractmethod
    def fetch(self, root: Path) -> None:
        """Have torchvision download the files into `root`."""

    def folder(self, root: Path) -> Path:
        """The folder that holds the files, for messages."""
        return self.files(root)[0].parent

    def missing(self, root: Path) -> Sequence[Path]:
        """The files that are not there."""
        return [file for file in self.files(root) if not file.is_file()]

    def _download(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        try:
            self.fetch(root)
        except (ImportError, OSError, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())
            raise UserError(
                f"data set {self.name!r} could not be downloaded into {root} ({reason}); "
                "check the network, or put torchvision's files there by hand"
            ) from error

    def _not_there(self, root: Path) -> UserError:
        return UserError(
            f"data set {self.name!r} is not on disk (looked for {self.missing(root)[0]}); set "
            "LEMUR2_DATA to the folder torchvision downloaded into, or fetch it with --download"
        )
