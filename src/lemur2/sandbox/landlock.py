"""Landlock: which files a process may open. Needs no privilege and holds for its whole life."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from lemur2.sandbox import syscalls

# Access rights of the kernel's ABI 1; later ones follow in `_handled`.
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG = 1 << 7, 1 << 8
REFER = 1 << 13  # rename to another folder
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15

READ = READ_FILE | READ_DIR
# No REMOVE right: a file that was written stays where the supervisor can count it.
SCRATCH = READ | WRITE_FILE | TRUNCATE | MAKE_DIR | MAKE_REG | REMOVE_DIR | REMOVE_FILE | REFER
DEVICE = READ | WRITE_FILE | IOCTL_DEV
_DIRECTORY_ONLY = READ_DIR | MAKE_DIR | MAKE_REG | REMOVE_DIR | REMOVE_FILE | REFER

_CREATE_VERSION = 1
_RULE_PATH_BENEATH = 1


class _Ruleset(ctypes.Structure):
    _fields_ = [
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    ]


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32)]


@dataclass(frozen=True)
class Rule:
    """Rights on everything beneath an open path (an O_PATH descriptor)."""

    descriptor: int
    access: int


@cache
def abi() -> int:
    """The kernel's Landlock version; 0 where it has none or it is switched off."""
    try:
        return syscalls.call("landlock_create_ruleset", None, 0, _CREATE_VERSION)
    except OSError:
        return 0


def open_rule(path: str, access: int) -> Rule | None:
    """A rule for a path; None where there is no such path."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return None
    if not os.path.isdir(path):
        access &= ~_DIRECTORY_ONLY
    return Rule(descriptor, access)


def restrict(rules: Iterable[Rule], newest: int | None = None) -> None:
    """Allow this process the given rules and nothing else, for good.

    Whatever else the kernel's version can restrict is refused too: TCP, signals to and abstract
    sockets of processes outside.

    Args:
        rules: What is allowed.
        newest: Do as if the kernel had no version after this one; None for the kernel's own.

    Raises:
        OSError: Where the kernel refuses.
    """
    version = abi() if newest is None else min(newest, abi())
    handled = _handled(version)
    attributes = _Ruleset(handled, 0b11 if version >= 4 else 0, 0b11 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = syscalls.call("landlock_create_ruleset", attributes, size, 0)
    for rule in rules:
        beneath = _PathBeneath(rule.access & handled, rule.descriptor)
        syscalls.call("landlock_add_rule", ruleset, _RULE_PATH_BENEATH, beneath, 0)
    syscalls.call("landlock_restrict_self", ruleset, 0)
    os.close(ruleset)


def _handled(version: int) -> int:
    rights = (1 << 13) - 1
    for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
        if version >= since:
            rights |= right
    return rights
