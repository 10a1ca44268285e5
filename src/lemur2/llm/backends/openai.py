"""Any server with an OpenAI-compatible chat API: vLLM, Ollama, llama.cpp, hosted ones."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from lemur2.llm.backends.base import Backend, ModelError, TransientError
from lemur2.llm.values import Finish, Message, ModelFacts, Reply, Request
from lemur2.suggestions import close_to

if TYPE_CHECKING:
    import openai
    from openai.types.chat import ChatCompletionChunk

KEYS = ("LEMUR2_LLM_KEY", "OPENAI_API_KEY")
"""Environment variables that the key is taken from, the first that is set."""
PATIENCE = 120.0  # seconds without a sign of life after which a connection is given up


@dataclass(frozen=True, kw_only=True)
class ReplyLimits:
    """Where we stop listening to one reply, whatever it was allowed: it then ends as `cut`."""

    seconds: float = 1800.0
    characters: int = 1 << 20


class OpenAIBackend(Backend):
    """A model behind an OpenAI-compatible server. Replies are streamed.

    Args:
        url: The API's base, with its version (`http://localhost:8000/v1`).
        model: Its name at the server; "" takes the only one there is.
        key: None takes it from the environment (`KEYS`).
        limits: Of one reply.
        patience: Seconds without a sign of life after which a connection is given up.
    """

    kind: ClassVar[str] = "openai"
    parallel = 8

    def __init__(
        self,
        url: str,
        model: str = "",
        *,
        key: str | None = None,
        limits: ReplyLimits = ReplyLimits(),
        patience: float = PATIENCE,
    ) -> None:
        self.url = url.rstrip("/")
        self.wanted = model
        self.limits = limits
        self.patience = patience
        self._key = key
        self._client: openai.OpenAI | None = None
        self._facts: ModelFacts | None = None
        self._llamacpp = False

    def open(self) -> None:
        """Connect, and find the model in the server's list."""
        self._client = self._connect()
        listed = self._list_models(self._client)
        name = self._choose(listed)
        about = listed.get(name, {})
        self._llamacpp = about.get("owned_by") == "llamacpp"
        self._facts = ModelFacts(
            model=name,
            context=_context(about),
            prefills=self._llamacpp,
            grammars=self._llamacpp,
        )

    @property
    def facts(self) -> ModelFacts:
        """What the server's list says."""
        assert self._facts is not None, "the backend is not open"
        return self._facts

    def count(self, messages: Sequence[Message]) -> int:
        """By the server's tokenizer where it is llama.cpp's, else characters / 3, plus 8 each."""
        if not self._llamacpp:
            return sum(len(m.content) // 3 + 8 for m in messages)
        root = self.url.removesuffix("/v1")
        asked = {"messages": _sendable(messages)}
        prompt = self._post(f"{root}/apply-template", asked)["prompt"]
        text = {"content": prompt, "add_special": True, "parse_special": True}
        return len(self._post(f"{root}/tokenize", text)["tokens"])

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer them, one after the other."""
        return [self._complete(request) for request in requests]

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connect(self) -> openai.OpenAI:
        try:
            import openai
        except ModuleNotFoundError:
            raise ModelError(
                "--llm openai needs the client; do `pip install 'lemur2[llm]'`"
            ) from None
        key = self._key or next((os.environ[k] for k in KEYS if os.environ.get(k)), "none")
        # We try again ourselves: the record counts the attempts, and all threads slow down at once.
        return openai.OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=self.patience)

    def _list_models(self, client: openai.OpenAI) -> dict[str, dict[str, Any]]:
        """The models that the server lists, by name; none where it has no list."""
        import openai

        try:
            return {each.id: each.model_dump() for each in client.models.list().data}
        except openai.NotFoundError:
            return {}
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except openai.APIConnectionError as error:
            raise ModelError(
                f"no server answers at {self.url} ({error.__cause__ or error}); start it, or check "
                "the address in --llm"
            ) from error
        except (openai.APIError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f"what answers at {self.url} is no OpenAI-compatible API ({error}); its base "
                "usually ends in /v1"
            ) from error

    def _choose(self, listed: Mapping[str, Any]) -> str:
        if not listed and self.wanted:
            return self.wanted  # it has no list: asking will tell
        if not self.wanted and len(listed) == 1:
            return next(iter(listed))
        for name in listed:
            if name == self.wanted or name.removesuffix(":latest") == self.wanted:
                return name
        offered = close_to(self.wanted, listed) or list(listed)[:5]
        raise ModelError(
            f"the server at {self.url} has no model {self.wanted!r}; it has "
            f"{', '.join(offered) or 'none'}: write --llm openai:{self.url}#MODEL"
        )

    def _post(self, url: str, body: Mapping[str, Any]) -> Any:
        assert self._client is not None, "the backend is not open"
        return self._client.post(url, body=body, cast_to=object)

    def _complete(self, request: Request) -> Reply:
        import openai

        assert self._client is not None, "the backend is not open"
        started = time.monotonic()
        heard = _Heard()
        try:
            stream = self._client.chat.completions.create(**self._arguments(request))
            with stream:
                heard.listen(stream, self.limits, started)
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except openai.APIError as error:
            raise TransientError(f"the connection broke ({error.__cause__ or error})") from error
        except (ValueError, TypeError, AttributeError, IndexError) as error:
            raise TransientError(f"the server sent no valid reply ({error})") from error
        if heard.finish is None:
            raise TransientError("the reply broke off")
        return self._reply(request, heard, time.monotonic() - started)

    def _arguments(self, request: Request) -> dict[str, Any]:
        drawn = request.sampling
        if drawn.grammar is not None and not self.facts.grammars:
            raise ModelError(f"{self.url} takes no grammar; use a llama.cpp server, or none")
        if request.messages[-1].role == "assistant" and not self.facts.prefills:
            raise ModelError(f"{self.url} does not go on with a text; use a llama.cpp server")
        own: dict[str, Any] = {"top_k": drawn.top_k, "grammar": drawn.grammar}
        if self._llamacpp:
            # A prompt's part that is kept from before is computed in other batches, and with
            # other roundings: the same seed would not give the same text.
            own["cache_prompt"] = False
        arguments = {
            "temperature": drawn.temperature,
            "top_p": drawn.top_p,
            "seed": drawn.seed,
            "stop": list(drawn.stop) or None,
            "extra_body": {k: v for k, v in own.items() if v is not None} or None,
        }
        return {
            "model": self.facts.model,
            "messages": _sendable(request.messages),
            "max_tokens": drawn.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **{name: value for name, value in arguments.items() if value is not None},
        }

    def _reply(self, request: Request, heard: _Heard, seconds: float) -> Reply:
        text = "".join(heard.text)
        begun = request.messages[-1]
        if begun.role == "assistant":
            text = text.removeprefix(begun.content)
        prompt, completion = heard.usage or (self.count(request.messages), len(text) // 3)
        assert heard.finish is not None
        return Reply(
            text=text,
            finish=heard.finish,
            model=heard.model or self.facts.model,
            prompt_tokens=prompt,
            completion_tokens=completion,
            estimated=heard.usage is None,
            seconds=seconds,
            reasoning="".join(heard.reasoning),
        )

    def _status_error(self, error: openai.APIStatusError) -> Exception:
        """What to make of a refusal: wait, or give up with one line."""
        status, said = error.status_code, _one_line(error.message)
        if error.code == "insufficient_quota":
            return ModelError(f"the account at {self.url} has no quota left ({said}); top it up")
        if status in (408, 409, 425, 429) or status >= 500:
            return TransientError(f"{status}: {said}", _asked_to_wait(error.response.headers))
        if status in (401, 403):
            return ModelError(
                f"the server at {self.url} refuses the key ({said}); put the right one into "
                f"{' or '.join(KEYS)}"
            )
        if status == 404:
            return ModelError(
                f"the server at {self.url} knows no such model or path ({said}); check --llm"
            )
        return ModelError(f"the server at {self.url} refuses the request ({status}: {said})")


@dataclass
class _Heard:
    """What came of one stream until now."""

    text: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    finish: Finish | None = None
    model: str = ""
    usage: tuple[int, int] | None = None

    def listen(
        self, stream: Iterator[ChatCompletionChunk], limits: ReplyLimits, started: float
    ) -> None:
        characters = 0
        for chunk in stream:
            self.model = chunk.model or self.model
            if chunk.usage is not None:
                self.usage = chunk.usage.prompt_tokens, chunk.usage.completion_tokens
            for choice in chunk.choices[:1]:
                said = choice.delta.content or ""
                thought = getattr(choice.delta, "reasoning_content", None) or ""
                self.text.append(said)
                self.reasoning.append(thought)
                characters += len(said) + len(thought)
                if choice.finish_reason is not None:
                    self.finish = "length" if choice.finish_reason == "length" else "stop"
            late = time.monotonic() - started > limits.seconds
            if late or characters > limits.characters:
                self.finish = "cut"
                return


def _sendable(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as JSON; lone surrogates, which a model may have written, become `?`."""
    texts = (m.content.encode("utf-8", "replace").decode() for m in messages)
    return [{"role": m.role, "content": text} for m, text in zip(messages, texts, strict=True)]


def _context(about: Mapping[str, Any]) -> int | None:
    """The context as vLLM, llama.cpp or OpenRouter list it."""
    nested = about.get("meta") or {}
    for value in (about.get("max_model_len"), nested.get("n_ctx"), about.get("context_length")):
        if isinstance(value, int):
            return value
    return None


def _asked_to_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds by the header Retry-After; None where there is none, or it names a date."""
    try:
        return max(0.0, float(headers["retry-after"]))
    except (KeyError, ValueError):
        return None


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]}…"
