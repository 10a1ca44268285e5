"""From what `--llm` says to a client."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from lemur2.errors import UsageError
from lemur2.llm.backends.base import Backend, silent
from lemur2.llm.client import NO_BUDGET, PERSISTENCE, Budget, Client, Persistence
from lemur2.suggestions import close_to


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A model by a name of the paper, with the settings that the paper gives for it.

    Attributes:
        llm: What `--llm` takes.
        about: What the paper uses it for.
        temperature, top_k, top_p, max_tokens: None where the paper does not say.
    """

    llm: str
    about: str = ""
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    max_tokens: int | None = None


@cache
def presets() -> dict[str, Preset]:
    """All presets, by name."""
    text = files("lemur2.llm").joinpath("presets.toml").read_text("utf-8")
    return {name: Preset(**values) for name, values in tomllib.loads(text).items()}


def preset_of(spec: str) -> Preset:
    """The settings for a model: a preset by its name, or by the model's name at a server.

    An unknown model has none: then all that is not said is the backend's default.
    """
    name = spec.rpartition("#")[2].rpartition("/")[2].lower()
    return presets().get(name) or Preset(llm=spec)


def open_client(
    spec: str,
    *,
    record: Path | None = None,
    budget: Budget = NO_BUDGET,
    persistence: Persistence = PERSISTENCE,
    concurrency: int | None = None,
    say: Callable[[str], None] = silent,
) -> Client:
    """A client by what `--llm` takes; nothing is loaded or connected yet.

    Args:
        spec: `embedded`; `openai:<base-url>#<model>`; `hf:<name or folder>[+<adapter>]`;
            `replay:<record>` (answers from a record alone); `deck:<record>` (a record's replies
            dealt out by seed, whatever is asked); or a preset's name.
        record, budget, persistence, concurrency, say: See `Client`.

    Raises:
        UsageError: It is none of these.
        UserError: The record cannot be kept.
    """
    backend = make_backend(spec)
    return Client(
        backend,
        name=spec,
        record=record,
        budget=budget,
        persistence=persistence,
        concurrency=concurrency,
        say=say,
    )


def make_backend(spec: str) -> Backend:
    """The backend for what `--llm` takes, not opened.

    Raises:
        UsageError: It is nothing that `--llm` takes.
    """
    kind, _, rest = spelt_out(spec).partition(":")
    maker = _MAKERS.get(kind)
    if maker is None or (not rest and kind != "embedded"):
        close = close_to(spec, [*presets(), "embedded"], 1)
        hint = f"did you mean {close[0]}? It" if close else "it"
        raise UsageError(
            f"--llm {spec!r} is no model; {hint} takes embedded, a GGUF file, openai:URL#MODEL, "
            "hf:NAME[+ADAPTER], replay:FILE, deck:FILE, or a preset's name "
            f"({', '.join(presets())})"
        )
    return maker(rest)


def weights_of(spec: str, option: str = "--model") -> str:
    """The weights that a name stands for where a model is trained: what `hf:` takes.

    Args:
        spec: What `--llm` takes, or a GGUF file, a folder, a name at the hub. The embedded model
            is fetched where it is not there.
        option: That it was given by.

    Raises:
        UsageError: It stands for a server or a record.
        ModelError: The embedded model cannot be had.
    """
    from lemur2.llm.backends.embedded import fetch_model

    kind, _, rest = spelt_out(spec).partition(":")
    if kind == "embedded" or (kind == "hf" and rest == "embedded"):
        return rest if kind == "embedded" and rest else str(fetch_model())
    if kind == "hf" and rest:
        return rest
    if kind in _MAKERS:
        raise UsageError(
            f"{option} {spec}: there are no weights behind it to train; take embedded, a GGUF "
            "file, a folder, hf:NAME, or a preset of such a model (`lemur2 prompt --models`)"
        )
    return spec


def spelt_out(spec: str) -> str:
    """What `--llm` takes with its kind: presets, files, folders, the hub's names have none."""
    if (preset := presets().get(spec.lower())) is not None:
        return preset.llm
    if spec.partition(":")[0] in _MAKERS:
        return spec
    if spec.endswith(".gguf"):
        return f"embedded:{spec}"
    name = spec.partition("+")[0]
    return f"hf:{spec}" if Path(name).is_dir() or re.fullmatch(_AT_HUB, name) else spec


_AT_HUB = r"[\w.-]+/[\w.-]+(@4bit)?"


def _embedded(rest: str) -> Backend:
    from lemur2.llm.backends.embedded import EmbeddedBackend

    return EmbeddedBackend(Path(rest) if rest else None)


def _openai(rest: str) -> Backend:
    from lemur2.llm.backends.openai import OpenAIBackend

    url, _, model = rest.partition("#")
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"--llm openai:{rest}: write openai:http://HOST:PORT/v1#MODEL")
    return OpenAIBackend(url, model)


def _hf(rest: str) -> Backend:
    from lemur2.llm.backends.hf import HfBackend

    name, _, adapter = rest.partition("+")
    return HfBackend(name, adapter)


def _replay(rest: str) -> Backend:
    from lemur2.llm.backends.recorded import ReplayBackend

    return ReplayBackend(Path(rest))


def _deck(rest: str) -> Backend:
    from lemur2.llm.backends.recorded import DeckBackend

    return DeckBackend(Path(rest))


_MAKERS: dict[str, Callable[[str], Backend]] = {
    "embedded": _embedded,
    "openai": _openai,
    "hf": _hf,
    "replay": _replay,
    "deck": _deck,
}
