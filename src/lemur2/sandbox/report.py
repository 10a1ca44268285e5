"""What protects this machine: each property of the sandbox, and what keeps it here."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lemur2.errors import UserError, no_room
from lemur2.sandbox import isolation, landlock, seccomp

_ROOM = 1 << 14  # bytes


@dataclass(frozen=True)
class Property:
    """One property of the sandbox on this machine.

    Attributes:
        name: What must hold.
        holds: Whether it does.
        mechanism: What keeps it.
        note: What to do where it does not hold, or what else is worth knowing.
    """

    name: str
    holds: bool
    mechanism: str
    note: str = ""


def check_temporary_folder() -> None:
    """See that a scratch folder can be made, and a little written to it.

    Raises:
        UserError: It cannot.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="lemur2-") as folder:
            Path(folder, "room").write_bytes(bytes(_ROOM))
    except OSError as error:
        raise UserError(
            no_room(error) or f"the temporary folder cannot be used: {error.strerror}; set TMPDIR"
        ) from error


def report() -> list[Property]:
    """All properties. Without every one of them no candidate runs (but with `unsafe`)."""
    version = landlock.abi()
    files = (
        version >= 1,
        f"Landlock (ABI {version})" if version else "Landlock",
        "" if version else isolation.NO_LANDLOCK,
    )
    calls = _filter()
    return [
        Property("no reads but Python and the allowed packages", *files),
        Property("no writes but its scratch folder", *files),
        Property("no network", calls[0], calls[1], _namespaces() if calls[0] else calls[2]),
        Property("no processes, no signals to others", *calls),
        Property("no kernel interfaces beyond what networks need", *calls),
        Property("bounded memory, file size, open files", True, "resource limits"),
        Property("bounded time, output and disk", True, "watched by the parent"),
        Property("held-out labels out of reach", True, "they never leave the parent"),
    ]


def _filter() -> tuple[bool, str, str]:
    try:
        seccomp.program(os.getpid())
    except OSError as error:
        return False, "seccomp", f"{error.strerror}; use an x86_64 or aarch64 machine"
    return True, "seccomp", ""


def _namespaces() -> str:
    """Whether an unprivileged process can have an empty network, tried in a child."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if isolation.enter_namespaces() else 1)
    _, status = os.waitpid(pid, 0)
    if os.waitstatus_to_exitcode(status) == 0:
        return "and an empty network namespace"
    return "unprivileged namespaces are forbidden here; seccomp does without"
