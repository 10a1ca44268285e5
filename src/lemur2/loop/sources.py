"""Networks as a user names them: a file, a name in the corpus, a name in the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lemur2.architecture import (
    Architecture,
    content_name,
    decode_source,
    family,
    zoo_names,
    zoo_source,
)
from lemur2.corpus import Corpus
from lemur2.errors import UsageError, UserError
from lemur2.suggestions import did_you_mean

Origin = Literal["file", "corpus", "zoo"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network that can be stored: its parsed source and the family that it counts to."""

    architecture: Architecture
    family: str

    def renamed(self, name: str) -> Network:
        """The same under another name."""
        source = self.architecture.source
        return Network(architecture=Architecture.parse(source, name=name), family=self.family)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a user's word for a network led to, not parsed yet."""

    label: str  # the user's word for it
    origin: Origin
    data: bytes
    name: str | None = None  # None: a file's, after its content

    def network(self) -> Network:
        """Parse it.

        A file `mine.py` is named `mine-<md5>` and its family is `mine`; one whose name already
        is of that form keeps it, as does what has a name in the corpus or the zoo.

        Raises:
            Refusal: It is no network (`syntax`, `contract`).
        """
        text = decode_source(self.data)
        if self.name is not None:
            kin = "zoo" if self.origin == "zoo" else family(self.name)
            return Network(architecture=Architecture.parse(text, name=self.name), family=kin)
        stem = Path(self.label).stem
        prefix = family(stem)
        if content_name(prefix, text) != stem:
            prefix = stem
        return Network(architecture=Architecture.parse(text, prefix=prefix), family=prefix)


def find(place: str, corpus: Corpus | None = None) -> Found:
    """The network that a file's path, or a name in the corpus or else the zoo, stands for.

    Raises:
        UserError: There is no such file, or it cannot be read.
        UsageError: Nothing has this name; the message offers similar ones.
    """
    path = Path(place)
    if looks_like_file(place):
        return Found(label=place, origin="file", data=_read(path))
    if corpus is not None and (source := corpus.source(place)) is not None:
        data = source.encode("utf-8", "surrogatepass")
        return Found(label=place, origin="corpus", data=data, name=place)
    if place in zoo_names():
        return Found(label=place, origin="zoo", data=zoo_source(place).encode(), name=place)
    known = zoo_names() if corpus is None else [*zoo_names(), *corpus.names()]
    hint = did_you_mean(place, known, "give a file, or a name of the zoo")
    where = "the zoo" if corpus is None else "the corpus or the zoo"
    raise UsageError(f"there is no file {place}, and no network of that name in {where}; {hint}")


def network_source(corpus: Corpus, name: str) -> str:
    """The source of a network by its name; one of the zoo is added to the corpus.

    Raises:
        UserError: Neither the corpus nor the zoo has it.
    """
    source = corpus.source(name)
    if source is None and name not in zoo_names():
        known = [*zoo_names(), *corpus.names()]
        hint = did_you_mean(name, known, "`lemur2 data` lists the corpus")
        raise UserError(
            f"neither the corpus nor the zoo has a network {name}, to try transforms on; {hint}"
        )
    if source is None:
        source = zoo_source(name)
        network = Architecture.parse(source, name=name)
        corpus.add_architecture(
            name=name,
            source=source,
            digest=network.digest,
            family="zoo",
            hyperparameters=network.hyperparameters,
        )
    return source


def looks_like_file(place: str) -> bool:
    """Whether a user's word for a network means a file, there or not."""
    return place.endswith(".py") or "/" in place or Path(place).exists()


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise UserError(f"{path} is a folder; give the files in it: {path}/*.py")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}; check the path") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; check its permissions") from None
