"""How much of a file the model writes: all of it, the rest of it, or a frame's layers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import ClassVar

from lemur2.errors import UsageError
from lemur2.generators.fewshot.fitting import messages
from lemur2.llm import ModelFacts, Request, Sampling, prompt_text, render
from lemur2.llm.drafting import LEAST_REPLY

_HOLE = "# LAYERS\n"


class Mode(ABC):
    """A way to ask.

    Args:
        hyperparameters: What `supported_hyperparameters` is to return.
    """

    prompt: ClassVar[str] = "fewshot"  # name of the template
    least: ClassVar[int] = LEAST_REPLY  # tokens that a reply must have room for
    tail: str = ""  # what follows the reply in the file

    def __init__(self, hyperparameters: tuple[str, ...]) -> None:
        self.hyperparameters = hyperparameters

    def require(self, facts: ModelFacts) -> None:
        """Check that the model can be asked so.

        Raises:
            UsageError: It cannot.
        """

    @abstractmethod
    def request(self, text: str, sampling: Sampling) -> Request:
        """The request for a prompt's text."""


class Whole(Mode):
    """The model writes the whole file, as the paper has it."""

    def request(self, text: str, sampling: Sampling) -> Request:
        """The prompt alone."""
        return Request(messages=messages(text), sampling=sampling, purpose="fewshot")


class Continue(Mode):
    """The file is begun for the model, up to the first line of `__init__`; it goes on."""

    BEGINNING = (
        "```python\n"
        "import torch\n"
        "import torch.nn as nn\n"
        "\n"
        "\n"
        "class Net(nn.Module):\n"
        "    def __init__(self, in_shape, out_shape, prm, device):\n"
        "        super().__init__()\n"
        "        self.device = device\n"
    )

    def require(self, facts: ModelFacts) -> None:
        """It must go on with a text."""
        if not facts.prefills:
            raise UsageError(
                f"--mode continue needs a model that goes on with a text; {facts.model} does not: "
                "use --mode whole, or a llama.cpp server"
            )

    def request(self, text: str, sampling: Sampling) -> Request:
        """The prompt and the beginning; the reply ends where its block does."""
        return Request(
            messages=messages(text, self.BEGINNING),
            sampling=replace(sampling, stop=("\n```",)),
            purpose="fewshot",
        )


class Layers(Mode):
    """A frame has all but the layers; the model writes these by a grammar that knows them.

    Every file keeps the contract by construction: what is left to the model is the design.
    """

    prompt = "fewshot-layers"
    least = 256

    def __init__(self, hyperparameters: tuple[str, ...]) -> None:
        super().__init__(hyperparameters)
        if missing := {"lr", "momentum"} - set(hyperparameters):
            raise UsageError(
                f"--mode layers trains by SGD: --hyperparameters lacks {missing.pop()}"
            )
        frame = render("fewshot-frame", hyperparameters=list(hyperparameters))
        self._head, _, self.tail = frame.partition(_HOLE)
        self._head = self._head.rstrip(" ")

    def require(self, facts: ModelFacts) -> None:
        """It must go on with a text, by a grammar."""
        if not (facts.prefills and facts.grammars):
            raise UsageError(
                f"--mode layers needs a model that takes a grammar; {facts.model} does not: use "
                "--mode whole, or a llama.cpp server"
            )

    def request(self, text: str, sampling: Sampling) -> Request:
        """The prompt, the frame's head, and the grammar."""
        return Request(
            messages=messages(text, f"```python\n{self._head}"),
            sampling=replace(sampling, grammar=prompt_text("fewshot-layers-grammar")),
            purpose="fewshot",
        )


MODES: dict[str, type[Mode]] = {"whole": Whole, "continue": Continue, "layers": Layers}
