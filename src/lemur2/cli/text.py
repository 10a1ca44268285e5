"""Text that is safe to show."""

from lemur2.texts import printable

__all__ = ["printable"]
