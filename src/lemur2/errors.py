"""The errors that a user can mend; the command line prints them in one line."""


class UserError(Exception):
    """Something the user asked for cannot be done.

    The message is one line: what is wrong, then what to do next. The command line prints it and
    exits with 1, no traceback. Anything else that escapes is a bug in lemur2.
    """


class UsageError(UserError):
    """The request itself is malformed (an unknown name, a number out of range): exit code 2."""
