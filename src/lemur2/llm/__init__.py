"""Language models behind one client: backends, presets, records, budgets. Imports no torch."""

from lemur2.llm.backends.base import Backend, ModelError, TransientError
from lemur2.llm.choosing import Preset, open_client, preset_of, presets
from lemur2.llm.client import Budget, BudgetSpent, Client, Persistence
from lemur2.llm.config import LlmConfig
from lemur2.llm.drafting import Draft, draft, fit
from lemur2.llm.prompting import prompt_names, prompt_text, render
from lemur2.llm.servers import check_server, remember_server
from lemur2.llm.text.wanted import NETWORK, TRANSFORM, Wanted
from lemur2.llm.values import Finish, Message, ModelFacts, Reply, Request, Role, Sampling

__all__ = [
    "NETWORK",
    "TRANSFORM",
    "Backend",
    "Budget",
    "BudgetSpent",
    "Client",
    "Draft",
    "Finish",
    "LlmConfig",
    "Message",
    "ModelError",
    "ModelFacts",
    "Persistence",
    "Preset",
    "Reply",
    "Request",
    "Role",
    "Sampling",
    "TransientError",
    "Wanted",
    "check_server",
    "draft",
    "fit",
    "open_client",
    "preset_of",
    "presets",
    "prompt_names",
    "prompt_text",
    "remember_server",
    "render",
]
