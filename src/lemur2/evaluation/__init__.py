"""Sandbox, screening, protocol, scoring: what happens to one candidate."""

from lemur2.evaluation.protocol import Protocol
from lemur2.sandbox.limits import Limits

__all__ = ["Limits", "Protocol"]
