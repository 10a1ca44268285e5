"""Adoption: what is named becomes a Net file, and is screened before it is saved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path

from lemur2.adoption import writing
from lemur2.architecture import Architecture, Refusal, Verdict, decode_source
from lemur2.errors import UserError
from lemur2.evaluation.engines import Engine
from lemur2.loop.checking import Checked, Input, check_all
from lemur2.loop.sources import Found
from lemur2.paths import inside
from lemur2.prediction.writing import write_file

_MODEL = re.compile(r"[\w.-]{1,120}", re.ASCII)
_LIBRARIES = {"timm": writing.from_timm, "torchvision": writing.from_torchvision}


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """What came of one.

    Attributes:
        name: Its name as a network; what was named where it is none.
        verdict, reason: `ok`, or what refused it and why.
        file: The Net file; None where it was refused.
    """

    name: str
    verdict: Verdict
    reason: str = ""
    file: Path | None = None


def adopt(named: Iterable[str], out: Path, at: Input, engine: Engine) -> Iterator[Adopted]:
    """Adopt what is named, one by one, in the order given.

    Nothing of it is run in this process: files are parsed, and what comes of them runs in the
    sandbox.

    Args:
        named: `FILE`, `FILE:Class`, `timm:NAME`, `torchvision:NAME`, `package.module:Class`.
        out: The folder for Net files; made where it is not there.
        at: What they are screened at.
        engine: Where; entered here, unless it was before.

    Raises:
        UserError: Networks cannot be isolated here, or the folder cannot be written.
    """
    with engine.opened():
        for each in named:
            yield _adopted(each, out, at, engine)


def _adopted(named: str, out: Path, at: Input, engine: Engine) -> Adopted:
    try:
        label, source = _written(named)
        Architecture.parse(source)
    except Refusal as refusal:
        return Adopted(name=named, verdict=refusal.verdict, reason=str(refusal))
    except UserError as error:
        return Adopted(name=named, verdict=Verdict.CONTRACT, reason=str(error))
    found = Found(label=f"{label}.py", data=source.encode(), origin="file")
    (checked,) = check_all([found], at, engine)
    return _saved(named, label, source, checked, out)


def _saved(named: str, label: str, source: str, checked: Checked, out: Path) -> Adopted:
    if checked.verdict is not Verdict.OK:
        return Adopted(name=named, verdict=checked.verdict, reason=checked.reason)
    name = Architecture.parse(source, prefix=label).name
    file = inside(out, name, ".py")
    write_file(file, source.encode())
    return Adopted(name=name, verdict=Verdict.OK, reason="; ".join(checked.notes), file=file)


def _written(named: str) -> tuple[str, str]:
    """A label for names, and the Net file's text. Raises UserError, Refusal."""
    place, _, wanted = named.rpartition(":")
    if place in _LIBRARIES:
        if not _MODEL.fullmatch(wanted):
            raise UserError(f"{named}: {wanted!r} is no name of a model")
        return _label(wanted), _LIBRARIES[place](wanted)
    if not place:
        place, wanted = named, ""
    path = Path(place)
    if path.suffix == ".py" or path.is_file():
        return _label(wanted or path.stem), writing.from_file(_read(path), wanted, path.name)
    if wanted and re.fullmatch(r"[A-Za-z_][\w.]*", place):
        source = _read(_module_file(place))
        return _label(wanted), writing.from_library(source, place, wanted)
    raise UserError(
        f"{named} is nothing to adopt; name FILE.py:Class, timm:NAME, torchvision:NAME or "
        "package.module:Class"
    )


def _read(path: Path) -> str:
    try:
        return decode_source(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error


def _module_file(module: str) -> Path:
    """The file of an installed module, found without importing anything."""
    places: list[str] | None = None
    origin: str | None = None
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}" if name else part
        spec = PathFinder.find_spec(name, places)
        if spec is None:
            raise UserError(f"no module {module} is installed here")
        origin, places = spec.origin, list(spec.submodule_search_locations or [])
    if origin is None or not origin.endswith(".py"):
        raise UserError(f"the module {module} has no Python source")
    return Path(origin)


def _label(text: str) -> str:
    return re.sub(r"[^0-9A-Za-z_.]+", "_", text.replace("-", "_"))[:80].strip("._") or "adopted"
