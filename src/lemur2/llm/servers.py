"""Model servers that the user of this machine has named: only those are given the user's key.

A run's config says which server to ask, and a corpus may come from someone else. Resuming its run
must not hand the key to whoever wrote that config.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from urllib.parse import urlsplit

from lemur2.cache import cache_root
from lemur2.errors import UserError
from lemur2.llm.backends.openai import KEYS
from lemur2.llm.choosing import spelt_out

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def remember_server(spec: str) -> None:
    """Keep that the user named the server behind what `--llm` takes, where there is one."""
    server = _server(spec)
    if server is None or server in _named():
        return
    with contextlib.suppress(OSError):  # then the user is asked to name it again
        _file().parent.mkdir(parents=True, exist_ok=True)
        with _file().open("a", encoding="utf-8") as file:
            file.write(f"{server}\n")


def check_server(spec: str, run: int) -> None:
    """Refuse to send a key to a server that only the config of a stored run names.

    Raises:
        UserError: A key is set, and the server is neither on this machine nor one that the user
            named here.
    """
    key = next((name for name in KEYS if os.environ.get(name)), None)
    server = _server(spec)
    if key is None or server is None or server in _named():
        return
    raise UserError(
        f"run {run} asks the model server {server}, which nobody named on this machine, and which "
        f"would get your ${key}; if you trust it, add --llm {spec!r}, else unset {key}"
    )


def _server(spec: str) -> str | None:
    """Scheme, host and port of the server; None where there is none, or it is on this machine."""
    kind, _, rest = spelt_out(spec).partition(":")
    if kind != "openai":
        return None
    found = urlsplit(rest.partition("#")[0])
    return None if found.hostname in _HERE else f"{found.scheme}://{found.netloc.lower()}"


def _named() -> frozenset[str]:
    try:
        return frozenset(_file().read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        return frozenset()


def _file() -> Path:
    return cache_root() / "model-servers.txt"
