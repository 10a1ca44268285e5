"""Threads that share a machine: how our processes' threads wait, and how many there may be.

Threads of a parallel region wait for each other after every step. By default OpenMP's (torch's and
llama.cpp's are these) spin meanwhile, which is quickest on a machine of their own. Where something
else wants the CPUs, the spinning takes the time that the thread waited for needs, and a program is
ten times as slow. Threads that sleep instead cost a few per cent alone, and lose only their share.
"""

from __future__ import annotations

import os

QUIET = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",  # GNU's: libgomp, which torch and llama.cpp bring
    "KMP_BLOCKTIME": "0",  # Intel's and LLVM's
}
"""The environment of a process whose threads wait asleep. It is read when a process starts."""


def be_quiet() -> None:
    """Have OpenMP in this process, and in those that it starts, wait asleep.

    It must come before anything loads OpenMP (torch, numpy's BLAS). What the user set stays.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))
