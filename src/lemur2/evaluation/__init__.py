"""Sandbox, screening, protocol, scoring: what happens to one candidate."""

from lemur2.evaluation.protocol import Limits, Protocol

__all__ = ["Limits", "Protocol"]
