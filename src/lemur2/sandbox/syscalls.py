"""System calls by number, and a raw way to make them.

Only what the sandbox needs: the calls a worker may make, and those that set the sandbox up. The
numbers are the kernel's own tables (x86_64, then the generic table that aarch64 uses; None where
an architecture has no such call).
"""

from __future__ import annotations

import ctypes
import os
import platform
from typing import Any

MACHINES = ("x86_64", "aarch64")

# The calls a sandboxed worker may make whatever their arguments are.
ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # memory and threads
    "futex": (202, 98),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "mremap": (25, 216),
    "brk": (12, 214),
    "mincore": (27, 232),
    "msync": (26, 227),
    "membarrier": (324, 283),
    "get_mempolicy": (239, 236),
    "set_robust_list": (273, 99),
    "get_robust_list": (274, 100),
    "set_tid_address": (218, 96),
    "rseq": (334, 293),
    "arch_prctl": (158, None),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126),
    "getcpu": (309, 168),
    "exit": (60, 93),
    "exit_group": (231, 94),
    # files and descriptors (which files: Landlock decides)
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "preadv": (295, 69),
    "pwritev": (296, 70),
    "close": (3, 57),
    "close_range": (436, 436),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "stat": (4, None),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "flock": (73, 32),
    "ftruncate": (77, 46),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "fadvise64": (221, 223),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "umask": (95, 166),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rmdir": (84, None),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21),
    "epoll_wait": (232, None),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    # who and when
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getgroups": (115, 158),
    "getpgrp": (111, None),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "getpriority": (140, 141),
    "uname": (63, 160),
    "sysinfo": (99, 179),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "times": (100, 153),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    "getrandom": (318, 278),
    # signals within the process
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigsuspend": (130, 133),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
}

# The calls that `seccomp` lets through, or answers, by their arguments.
CONDITIONAL: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None),
    "openat": (257, 56),
    "clone": (56, 220),
    "clone3": (435, 435),
    "openat2": (437, 437),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "prctl": (157, 167),
    "ioctl": (16, 29),
    "fcntl": (72, 25),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
}

# Let through where the scratch folder is a file system of its own.
RENAMING: dict[str, tuple[int | None, int | None]] = {
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
}

# The calls that set the sandbox up.
SETUP: dict[str, tuple[int | None, int | None]] = {
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445),
    "landlock_restrict_self": (446, 446),
    "seccomp": (317, 277),
    "capset": (126, 91),
}

_CAPABILITY_VERSION = 0x20080522  # of three words for each of two sets of 32 capabilities

_TABLE = {**ALLOWED, **CONDITIONAL, **RENAMING, **SETUP}

_libc = ctypes.CDLL(None, use_errno=True)


def number(name: str) -> int | None:
    """A call's number on this machine; None where it has none, or the machine is unknown."""
    machine = platform.machine()
    if machine not in MACHINES:
        return None
    return _TABLE[name][MACHINES.index(machine)]


def call(name: str, *arguments: int | ctypes.Array[Any] | ctypes.Structure | None) -> int:
    """Make a call by name.

    Structures are passed by reference.

    Raises:
        OSError: With the call's errno.
    """
    nr = number(name)
    if nr is None:
        raise OSError(38, f"{name}: no such system call on {platform.machine()}")
    return checked(name, _libc.syscall, ctypes.c_long(nr), *map(_argument, arguments))


def prctl(option: int, a: int = 0, b: int = 0, c: int = 0, d: int = 0) -> int:
    """prctl(2). Raises OSError."""
    return checked("prctl", _libc.prctl, *map(ctypes.c_ulong, (option, a, b, c, d)))


def unshare(flags: int) -> None:
    """unshare(2). Raises OSError."""
    checked("unshare", _libc.unshare, ctypes.c_int(flags))


def mount(kind: str, place: str, flags: int, options: str) -> None:
    """mount(2) of a file system that has no device. Raises OSError."""
    texts = [text.encode() for text in (kind, place, kind)]
    checked("mount", _libc.mount, *texts, ctypes.c_ulong(flags), options.encode())


def drop_capabilities() -> None:
    """Give up every capability that this process has, root's and a namespace's. Raises OSError."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    call("capset", header, nothing)


def checked(name: str, function: ctypes._FuncPointer, *arguments: object) -> int:
    """Call a libc function and turn -1 into OSError."""
    result = function(*arguments)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return int(result)


def _argument(value: int | ctypes.Array[Any] | ctypes.Structure | None) -> object:
    if isinstance(value, ctypes.Structure):
        return ctypes.byref(value)
    if isinstance(value, int):
        return ctypes.c_ulong(value)
    return value
