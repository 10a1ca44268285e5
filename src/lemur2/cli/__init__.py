"""The command line."""

from lemur2.cli.group import main

__all__ = ["main"]
