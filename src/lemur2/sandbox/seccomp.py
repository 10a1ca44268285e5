"""seccomp: which system calls a process may make, as a classic BPF program built here.

The program answers by an allow list: what is not on it fails with EPERM, as if the user lacked
the right, so that ordinary code sees an ordinary error. A few calls are let through by argument:
threads but not processes, signals to oneself, `prctl`, `ioctl` and `fcntl` for harmless requests
only. (What makes a descriptor send signals, its owner's number is believed by the kernel: any
process of the same user could be named.)
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from dataclasses import dataclass

from lemur2.sandbox import syscalls

_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000

_LOAD, _JUMP_EQUAL, _JUMP_GREATER_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16

_CLONE_THREAD = 0x00010000
_O_TMPFILE_BIT = 0x00400000  # of O_TMPFILE; its other bit is O_DIRECTORY
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41
_O_ASYNC = 0x2000
_TCGETS, _FIONREAD, _FIOCLEX, _FIONCLEX = 0x5401, 0x541B, 0x5451, 0x5450

# Of ioctl where the others are let through: who is signalled, and typing into a terminal.
_SIGNALLING = (
    *(0x5452, 0x8901, 0x8902),  # FIOASYNC, FIOSETOWN, SIOCSPGRP
    *(0x5410, 0x540E, 0x5412, 0x541C),  # TIOCSPGRP, TIOCSCTTY, TIOCSTI, TIOCLINUX
)

_F_SETFL = 4
_FCNTL = (
    *(0, 1030),  # F_DUPFD, F_DUPFD_CLOEXEC
    *(1, 2, 3),  # F_GETFD, F_SETFD, F_GETFL
    *(5, 6, 7, 36, 37, 38),  # locks: F_GETLK, F_SETLK, F_SETLKW, and those of open files
    *(1032, 1034),  # F_GETPIPE_SZ, F_GET_SEALS
)

_SET_MODE_FILTER = 1
_FLAG_TSYNC = 1  # all threads that there are


@dataclass(frozen=True)
class _OneOf:
    """Allowed where an argument (its lower 32 bits) equals one of the values; `absent`: none."""

    argument: int
    values: tuple[int, ...]
    absent: bool = False


@dataclass(frozen=True)
class _Bits:
    """Allowed where an argument has any of the bits set (or, `absent`, none of them)."""

    argument: int
    bits: int
    absent: bool = False


@dataclass(frozen=True)
class _Case:
    """Decided by one condition where an argument has a value, by another where it has not."""

    argument: int
    value: int
    then: _OneOf | _Bits
    other: _OneOf | _Bits


# An int is an errno: the call is always answered by it.
_Condition = _OneOf | _Bits | _Case | int


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def restrict(pid: int, *, any_ioctl: bool = False, renaming: bool = False) -> None:
    """Filter this process's system calls, for good. Needs no-new-privileges set before.

    Args:
        pid: The process's own number, the only one that it may signal.
        any_ioctl: Let almost every `ioctl` through (GPU drivers live on them).
        renaming: Let it rename files (which ones: Landlock decides).

    Raises:
        OSError: Where the kernel refuses, or the machine's architecture is unknown.
    """
    code = program(pid, any_ioctl=any_ioctl, renaming=renaming)
    descriptor = _Program(len(code) // 8, code)
    syscalls.call("seccomp", _SET_MODE_FILTER, _FLAG_TSYNC, descriptor)


def program(pid: int, *, any_ioctl: bool = False, renaming: bool = False) -> bytes:
    """The filter as BPF instructions, 8 bytes each; see `restrict`."""
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"no system call filter for {machine} yet")
    code = [
        _instruction(_LOAD, _ARCH_AT),
        _instruction(_JUMP_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        code += [_instruction(_JUMP_GREATER_EQUAL, _X32_BIT, 0, 1), _instruction(_RETURN, _KILL)]
    for name in (*syscalls.ALLOWED, *(syscalls.RENAMING if renaming else ())):
        code += _when(name, [_instruction(_RETURN, _ALLOW)])
    for name, condition in _conditions(pid, any_ioctl).items():
        code += _when(name, _decide(condition))
    code.append(_refuse(errno.EPERM))
    return b"".join(code)


def _conditions(pid: int, any_ioctl: bool) -> dict[str, _Condition]:
    return {
        "clone": _Bits(0, _CLONE_THREAD),
        # glibc tries clone3 first, whose flags a filter cannot see, and falls back on ENOSYS.
        "clone3": errno.ENOSYS,
        "openat2": errno.ENOSYS,
        "open": _Bits(1, _O_TMPFILE_BIT, absent=True),
        "openat": _Bits(2, _O_TMPFILE_BIT, absent=True),
        "kill": _OneOf(0, (pid,)),
        "tgkill": _OneOf(0, (pid,)),
        "prlimit64": _OneOf(0, (0, pid)),
        "sched_setaffinity": _OneOf(0, (0, pid)),
        "prctl": _OneOf(0, (_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA)),
        "ioctl": _OneOf(1, _SIGNALLING, absent=True)
        if any_ioctl
        else _OneOf(1, (_TCGETS, _FIONREAD, _FIOCLEX, _FIONCLEX)),
        "fcntl": _Case(1, _F_SETFL, _Bits(2, _O_ASYNC, absent=True), _OneOf(1, _FCNTL)),
    }


def _decide(condition: _Condition) -> list[bytes]:
    if isinstance(condition, int):
        return [_refuse(condition)]
    if isinstance(condition, _Case):
        then, other = _decide(condition.then), _decide(condition.other)
        load = _instruction(_LOAD, _ARGUMENTS_AT + 8 * condition.argument)
        return [load, _instruction(_JUMP_EQUAL, condition.value, 0, len(then)), *then, *other]
    load = _instruction(_LOAD, _ARGUMENTS_AT + 8 * condition.argument)
    allow, refuse = _instruction(_RETURN, _ALLOW), _refuse(errno.EPERM)
    if isinstance(condition, _Bits):
        hit, miss = (refuse, allow) if condition.absent else (allow, refuse)
        return [load, _instruction(_JUMP_BITS, condition.bits, 0, 1), hit, miss]
    count = len(condition.values)
    jumps = [
        _instruction(_JUMP_EQUAL, value, count - i, 0) for i, value in enumerate(condition.values)
    ]
    return [load, *jumps, *((allow, refuse) if condition.absent else (refuse, allow))]


def _when(name: str, body: list[bytes]) -> list[bytes]:
    """Run `body`, which always returns, where the number loaded is the call's."""
    number = syscalls.number(name)
    if number is None:
        return []
    return [_instruction(_JUMP_EQUAL, number, 0, len(body)), *body]


def _refuse(code: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | code)


def _instruction(code: int, k: int, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("<HBBI", code, on_true, on_false, k)
