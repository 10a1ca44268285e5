"""Processes that compute in threads have them wait asleep."""

import os
import sys
from pathlib import Path

import pytest

from lemur2.evaluation.workers import CandidateSandbox
from lemur2.llm.backends.base import ModelError
from lemur2.llm.backends.embedded import EmbeddedBackend
from lemur2.llm.backends.hf import HfBackend
from lemur2.quiet import QUIET

WANTED = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}


def environment_of(process):
    """What a process was started with, by the kernel."""
    raw = Path(f"/proc/{process}/environ").read_bytes()
    return dict(each.split("=", 1) for each in raw.decode().split("\0") if "=" in each)


def test_the_warm_processs_threads_wait_asleep():
    with CandidateSandbox() as sandbox:
        found = environment_of(sandbox._process.pid)
    assert WANTED.items() <= found.items()


@pytest.mark.parametrize("kind", [EmbeddedBackend, HfBackend])
def test_a_models_threads_wait_asleep(kind, tmp_path, monkeypatch):
    """Its process is started by a program that writes its environment down, and ends."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nenv > {tmp_path}/environment\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    file = tmp_path / "model.gguf"
    file.touch()
    backend = kind(file if kind is EmbeddedBackend else str(file))
    with pytest.raises(ModelError):
        backend.open()
    found = (tmp_path / "environment").read_text().splitlines()
    assert {f"{name}={value}" for name, value in WANTED.items()} <= set(found)


def test_what_the_user_set_stays(monkeypatch):
    from lemur2.quiet import be_quiet

    for name in QUIET:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    be_quiet()
    assert {name: os.environ[name] for name in WANTED} == {**WANTED, "OMP_WAIT_POLICY": "ACTIVE"}
    for name in QUIET:
        os.environ.pop(name, None)
