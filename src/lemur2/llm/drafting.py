"""From requests to source files: ask, extract, sanitise, check, repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lemur2.architecture import Refusal, Verdict
from lemur2.llm.client import Client
from lemur2.llm.prompting import render
from lemur2.llm.text.sanitise import clean
from lemur2.llm.text.wanted import Wanted
from lemur2.llm.values import Message, Reply, Request

LEAST_REPLY = 1024
"""Tokens that a whole file needs: half of the published networks have fewer than 956."""
_NEXT_ROUND = 1_000_003  # a prime: seeds of different rounds and requests do not meet


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What became of one request.

    Attributes:
        source: The file, as it last was; what the model wrote where no file was found in it.
        refusal: Why it is none, where it still is none after the last repair; else None.
        keys: Keys of its requests in the record: the first one, then the repairs.
        steps: What was done to the text, in order (`fence`, `trace`, `imports`, ...).
        prompt: The first request's prompt.
        prompt_tokens, completion_tokens: In all.
        seconds: Of the model, in all.
        finish: Why the last reply ended.
    """

    source: str
    refusal: Refusal | None
    keys: tuple[str, ...]
    steps: tuple[str, ...]
    prompt: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    finish: str

    @property
    def repairs(self) -> int:
        """How many repairs were asked for."""
        return len(self.keys) - 1


def draft(
    client: Client,
    requests: Sequence[Request],
    wanted: Wanted,
    *,
    repairs: int = 2,
    tail: str = "",
) -> list[Draft]:
    """Ask for files, all at once; send what cannot be one back, with the error, for repair.

    Args:
        client: Answers.
        requests: One for each file.
        wanted: What a file must be.
        repairs: At most so many rounds of repair; fewer where the context has no room for one.
        tail: What follows the first reply in the file, where the model wrote a part of it only.

    Returns:
        A draft for each request, in order, failures included.

    Raises:
        UserError: See `Client.complete`.
    """
    drafts = [_Drafting(wanted, request, tail) for request in requests]
    for round_ in range(repairs + 1):
        open_ones = [each for each in drafts if each.refusal is not None]
        if round_:
            open_ones = [each for each in open_ones if each.turn_to_repair(client)]
        if not open_ones:
            break
        replies = client.complete([each.next for each in open_ones])
        for each, reply in zip(open_ones, replies, strict=True):
            each.hear(reply)
    return [each.done() for each in drafts]


_UNASKED = Refusal(Verdict.SYNTAX, "nothing was asked")


class _Drafting:
    """One file under way."""

    def __init__(self, wanted: Wanted, request: Request, tail: str) -> None:
        self.wanted, self.first, self.next = wanted, request, request
        self.tail = tail
        self.refusal: Refusal | None = _UNASKED
        self.source = ""
        self.keys: list[str] = []
        self.steps: list[str] = []
        self.replies: list[Reply] = []

    def hear(self, reply: Reply) -> None:
        """Read a reply: a file, or what to ask next."""
        self.keys.append(self.next.key)
        self.replies.append(reply)
        begun = self.next.messages[-1]
        text = begun.content + reply.text if begun.role == "assistant" else reply.text
        if self.tail and self.next is self.first:
            if reply.finish != "stop":  # cut off in the middle of a line
                text = text[: text.rfind("\n") + 1]
            text += self.tail
        cleaned = clean(text, self.wanted)
        self.source = cleaned.source
        self.steps += cleaned.steps
        self.refusal = None
        if not text.strip():
            self.refusal = Refusal(Verdict.SYNTAX, "the model's reply is empty")
            return
        try:
            self.wanted.check(cleaned.source)
        except Refusal as refusal:
            self.refusal = refusal

    def turn_to_repair(self, client: Client) -> bool:
        """Ask for a repair next; False where there is nothing to repair, or no room for it."""
        if self.refusal is None or not self.source.strip():
            return False
        wish = repair_request(
            self.first, self.source, self.refusal, self.wanted, round_=len(self.keys)
        )
        fitted = fit(client, wish)
        if fitted is None:
            return False
        self.next = fitted
        return True

    def done(self) -> Draft:
        """What became of it."""
        return Draft(
            source=self.source,
            refusal=self.refusal,
            keys=tuple(self.keys),
            steps=tuple(self.steps),
            prompt=self.first.prompt,
            prompt_tokens=sum(reply.prompt_tokens for reply in self.replies),
            completion_tokens=sum(reply.completion_tokens for reply in self.replies),
            seconds=sum(reply.seconds for reply in self.replies),
            finish=self.replies[-1].finish,
        )


def repair_request(
    first: Request, source: str, refusal: Refusal, wanted: Wanted, *, round_: int
) -> Request:
    """The strict prompt that sends a file back with its error.

    It is drawn as the first request was, but by another seed each round.
    """
    text = render("repair", kind=wanted.kind, error=str(refusal), code=source.rstrip())
    drawn = first.sampling
    seed = None if drawn.seed is None else (drawn.seed + round_ * _NEXT_ROUND) % (1 << 31)
    return Request(
        messages=(Message("user", text),),
        sampling=replace(drawn, grammar=None, stop=(), seed=seed),
        purpose="repair",
    )


def fit(
    client: Client, request: Request, least: int = LEAST_REPLY, most: int | None = None
) -> Request | None:
    """The request with no more tokens for its reply than the context leaves.

    Args:
        client: Whose model it is for.
        request: As it is wished for.
        least: Tokens that the reply must have room for, unless the request wants fewer.
        most: Tokens that the prompt may have; None for what the context takes.

    Returns:
        None where it does not fit.
    """
    context = client.facts.context
    if context is None and most is None:
        return request
    length = client.count(request.messages)
    if most is not None and length > most:
        return None
    if context is None:
        return request
    wanted = request.sampling.max_tokens
    room = context - length
    if room < min(least, wanted):
        return None
    return replace(request, sampling=replace(request.sampling, max_tokens=min(wanted, room)))
