"""The errors that a user can mend; the command line prints them in one line."""

import errno

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class UserError(Exception):
    """Something the user asked for cannot be done.

    The message is one line: what is wrong, then what to do next. The command line prints it and
    exits with 1, no traceback. Anything else that escapes is a bug in lemur2.
    """


class UsageError(UserError):
    """The request itself is malformed (an unknown name, a number out of range): exit code 2."""


class DataWarning(UserWarning):
    """Something about a person's own data that has to be known and is no error; one line."""


def no_room(error: OSError) -> str | None:
    """In words, that a disk has no room left; None for another error.

    Python says that there is no temporary folder where none can be written to.
    """
    if error.errno in _NO_ROOM:
        return f"{error.filename or 'a file'} cannot be written: {error.strerror}; make room"
    if error.errno == errno.ENOENT and "temporary directory" in str(error.strerror):
        return (
            "no temporary folder can be written to; make room in /tmp, or set TMPDIR to a folder "
            "that has some"
        )
    return None
