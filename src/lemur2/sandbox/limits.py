"""What a worker may use."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a worker may use. Times are wall seconds, the rest bytes."""

    screen_seconds: float = 60.0
    train_seconds: float = 1800.0
    memory: int = 4 * GIB  # beyond what the warm process already has
    output: int = MIB // 16  # stdout and stderr together; what is printed beyond it is dropped
    scratch: int = 64 * MIB
    files: int = 1024  # in the scratch folder, folders among them; not bytes
    threads: int = 1
    device: str = "cpu"
