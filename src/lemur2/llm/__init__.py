"""Language models behind one client: backends, presets, records, budgets. Imports no torch."""

from lemur2.llm.backends.base import Backend, ModelError, TransientError
from lemur2.llm.client import Budget, Client, Persistence, open_client
from lemur2.llm.drafting import Draft, draft
from lemur2.llm.text.wanted import NETWORK, TRANSFORM, Wanted
from lemur2.llm.values import Finish, Message, Reply, Request, Role, Sampling

__all__ = [
    "NETWORK",
    "TRANSFORM",
    "Backend",
    "Budget",
    "Client",
    "Draft",
    "Finish",
    "Message",
    "ModelError",
    "Persistence",
    "Reply",
    "Request",
    "Role",
    "Sampling",
    "TransientError",
    "Wanted",
    "draft",
    "open_client",
]
