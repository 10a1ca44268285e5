"""The filter of system calls where it lets more through than on most machines: beside a GPU."""

import subprocess
import sys

ASKS = """
import ctypes, errno, fcntl, os, sys
from lemur2.sandbox import seccomp

ctypes.CDLL(None).prctl(38, 1, 0, 0, 0)  # no new privileges, which a filter takes
seccomp.restrict(os.getpid(), any_ioctl=True)
read, write = os.pipe()
for request in sys.argv[1:]:
    try:
        fcntl.ioctl(read, int(request), b"\\1\\0\\0\\0")
    except OSError as error:
        print(errno.errorcode[error.errno])
    else:
        print("done")
"""
SIGNALS = {
    "FIOASYNC": 0x5452,
    "FIOSETOWN": 0x8901,
    "SIOCSPGRP": 0x8902,
    "TIOCSPGRP": 0x5410,
    "TIOCSCTTY": 0x540E,
    "TIOCSTI": 0x5412,
    "TIOCLINUX": 0x541C,
}


def answers(*requests):
    command = [sys.executable, "-c", ASKS, *map(str, requests)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_where_drivers_need_ioctl_no_request_signals_or_types():
    assert dict(zip(SIGNALS, answers(*SIGNALS.values()), strict=True)) == dict.fromkeys(
        SIGNALS, "EPERM"
    )
    assert answers(0x5451, 0xC0DE) == ["done", "ENOTTY"]  # FIOCLEX, and what a pipe does not know
