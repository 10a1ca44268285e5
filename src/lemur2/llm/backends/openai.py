"""Any server with an OpenAI-compatible chat API: vLLM, Ollama, llama.cpp, hosted ones."""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from lemur2.llm.backends.base import Backend, ModelError, TransientError
from lemur2.llm.backends.hearing import Heard
from lemur2.llm.values import Message, ModelFacts, Reply, Request
from lemur2.suggestions import close_to

if TYPE_CHECKING:
    import openai

    from lemur2.llm.backends.guard import Guard, Watch

KEYS = ("LEMUR2_LLM_KEY", "OPENAI_API_KEY")
"""Environment variables that the key is taken from, the first that is set."""
PATIENCE = 120.0  # seconds without a sign of life after which a connection is given up
LONGEST_PAUSE = 600.0  # seconds that a server may ask us to wait
_ETERNITY = 1e9  # seconds
_SHORT = 60.0  # seconds for the answer to a short question
_SIZE = 64 << 20  # bytes of one response
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ReplyLimits:
    """Where we stop listening to one reply, whatever it was allowed: it then ends as `cut`."""

    seconds: float = 1800.0
    characters: int = 1 << 20
    silence: float = 600.0  # seconds without a word; what only keeps the connection up is none


class OpenAIBackend(Backend):
    """A model behind an OpenAI-compatible server. Replies are streamed.

    Args:
        url: The API's base, with its version (`http://localhost:8000/v1`).
        model: Its name at the server; "" takes the only one there is.
        key: None takes it from the environment (`KEYS`).
        limits: Of one reply.
        patience: Seconds without a sign of life (a byte) after which a connection is given up.
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
        self._guard: Guard | None = None
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
            together=self.parallel,
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
        prompt = self._post(f"{root}/apply-template", asked, "prompt", str)
        text = {"content": prompt, "add_special": True, "parse_special": True}
        tokens = self._post(f"{root}/tokenize", text, "tokens", list)
        return len(tokens)

    def complete(self, requests: Sequence[Request]) -> list[Reply]:
        """Answer them, one after the other."""
        return [self._complete(request) for request in requests]

    def on_event(self, event: Any, heard: Heard) -> None:
        """Tell who waits how far a reply is, after each event of its stream."""
        self.say(f"{self.facts.model} writes: {len(heard.text):,} pieces so far")

    def close(self) -> None:
        """Close the connections."""
        if self._guard is not None:
            self._guard.close()
            self._client = self._guard = None

    def _connect(self) -> openai.OpenAI:
        try:
            import openai

            from lemur2.llm.backends.guard import Guard
        except ModuleNotFoundError:
            raise ModelError(
                "--llm openai needs the client; do `pip install 'lemur2[llm]'`"
            ) from None
        key = self._key or next((os.environ[k] for k in KEYS if os.environ.get(k)), "none")
        # We try again ourselves: the record counts the attempts, and all threads slow down at once.
        self._guard = Guard(_SIZE, self.patience)
        return openai.OpenAI(
            base_url=self.url, api_key=key, max_retries=0, http_client=self._guard.http
        )

    def _list_models(self, client: openai.OpenAI) -> dict[str, dict[str, Any]]:
        """The models that the server lists, by name; none where it has no list."""
        import openai

        try:
            with self._watched(_SHORT):
                found = client.get("/models", cast_to=object)
        except openai.NotFoundError:
            return {}
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except openai.APIConnectionError as error:
            raise ModelError(
                f"no server answers at {self.url} ({error.__cause__ or error}); start it, or check "
                "the address in --llm"
            ) from error
        except (openai.APIError, TransientError, ValueError, RecursionError) as error:
            raise self._no_api(_reason(error)) from error
        listed = found.get("data") if isinstance(found, dict) else None
        if not isinstance(listed, list):
            raise self._no_api("its list of models is none")
        models = [each for each in listed if isinstance(each, dict)]
        return {each["id"]: each for each in models if isinstance(each.get("id"), str)}

    def _no_api(self, reason: str) -> ModelError:
        return ModelError(
            f"what answers at {self.url} is no OpenAI-compatible API ({reason}); "
            f"{self._meant() or 'its base usually ends in /v1'}"
        )

    def _meant(self) -> str:
        """A hint where the address lacks the version that such addresses have."""
        has_version = re.search(r"/v\d+[a-z0-9]*(/|$)", self.url) is not None
        return "" if has_version else f"did you mean {self.url}/v1?"

    def _watched(self, seconds: float) -> AbstractContextManager[Watch]:
        assert self._guard is not None, "the backend is not open"
        return self._guard.watched(seconds)

    def _choose(self, listed: Mapping[str, Any]) -> str:
        if not listed and self.wanted:
            return self.wanted  # it has no list: asking will tell
        if not self.wanted and len(listed) == 1:
            return next(iter(listed))
        for name in listed:
            if name == self.wanted or name.removesuffix(":latest") == self.wanted:
                return name
        offered = close_to(self.wanted, listed) or list(listed)[:5]
        meant = self._meant() if not listed else ""
        raise ModelError(
            f"the server at {self.url} has no model {self.wanted!r}; it has "
            f"{', '.join(offered) or 'none'}: "
            f"{meant or f'write --llm openai:{self.url}#MODEL'}"
        )

    def _post(self, url: str, body: Mapping[str, Any], key: str, kind: type[T]) -> T:
        """What the server answers to a short question under `key`."""
        import openai

        assert self._client is not None, "the backend is not open"
        try:
            with self._watched(_SHORT):
                found = self._client.post(url, body=body, cast_to=object)
        except (openai.APIError, TransientError, ValueError, RecursionError) as error:
            raise ModelError(
                f"{url} does not answer ({_reason(error)}); is the server still there?"
            ) from error
        value = found.get(key) if isinstance(found, dict) else None
        if not isinstance(value, kind):
            raise ModelError(f"{url} answers without {key!r}; this is no llama.cpp server")
        return value

    def _complete(self, request: Request) -> Reply:
        started = time.monotonic()
        heard = Heard()
        arguments = self._arguments(request)
        with self._watched(min(self.limits.silence, self.limits.seconds)) as watch:
            try:
                self._listen(arguments, heard, watch, started)
            except TransientError:
                if not watch.expired:
                    raise
        if watch.expired and heard.finish is None:
            self._cut(heard)
        if heard.finish is None:
            raise TransientError(f"the reply broke off{heard.oddity}")
        return self._reply(request, heard, time.monotonic() - started)

    def _listen(
        self, arguments: Mapping[str, Any], heard: Heard, watch: Watch, started: float
    ) -> None:
        """Hear a reply out.

        Raises:
            TransientError: It does not come to its end, or is none.
        """
        import openai

        assert self._client is not None, "the backend is not open"
        try:
            with self._client.post(
                "/chat/completions",
                body=arguments,
                cast_to=object,
                stream=True,
                stream_cls=openai.Stream[object],
            ) as stream:
                heard.kind = stream.response.headers.get("content-type", "")
                for event in stream:
                    heard.take(event)
                    self.on_event(event, heard)
                    now = time.monotonic()
                    watch.until = min(now + self.limits.silence, started + self.limits.seconds)
                    if now > watch.until or heard.characters > self.limits.characters:
                        heard.finish = "cut"
                        return
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        except openai.APIError as error:
            raise TransientError(f"the connection broke ({_reason(error)})") from error
        except (ValueError, RecursionError) as error:
            raise TransientError(f"the server sent no valid reply ({_reason(error)})") from error

    def _cut(self, heard: Heard) -> None:
        """End a reply that ran past its time, if there is something of it."""
        if not heard.characters:
            waited = min(self.limits.silence, self.limits.seconds)
            raise ModelError(
                f"the server at {self.url} keeps the connection up and says nothing for "
                f"{waited:.0f} s; look at its log"
            )
        heard.finish = "cut"

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
            **own,
        }
        return {
            "model": self.facts.model,
            "messages": _sendable(request.messages),
            "max_tokens": drawn.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
            **{name: value for name, value in arguments.items() if value is not None},
        }

    def _reply(self, request: Request, heard: Heard, seconds: float) -> Reply:
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
        status, said = error.status_code, _one_line(str(error.message))
        if error.code == "insufficient_quota":
            return ModelError(f"the account at {self.url} has no quota left ({said}); top it up")
        if status in (408, 409, 425, 429) or status >= 500:
            return self._later(f"{status}: {said}", asked_to_wait(error.response.headers))
        if status in (401, 403):
            return ModelError(
                f"the server at {self.url} refuses the key ({said}); put the right one into "
                f"{' or '.join(KEYS)}"
            )
        if status == 404:
            return ModelError(
                f"the server at {self.url} knows no such model or path ({said}); "
                f"{self._meant() or 'check --llm'}"
            )
        if 300 <= status < 400:
            where = _one_line(error.response.headers.get("location", "nowhere"))
            return ModelError(
                f"the server at {self.url} sends us on to {where}; if you trust that, give it as "
                "the address in --llm"
            )
        return ModelError(f"the server at {self.url} refuses the request ({status}: {said})")

    def _later(self, reason: str, wait: float | None) -> Exception:
        if wait is not None and wait > LONGEST_PAUSE:
            return ModelError(
                f"the server at {self.url} asks for a pause of {wait:,.0f} s ({reason}); go on "
                "later: what was answered until now is kept"
            )
        return TransientError(reason, wait)


def _sendable(messages: Sequence[Message]) -> list[dict[str, str]]:
    """Messages as JSON; lone surrogates, which a model may have written, become `?`."""
    texts = (m.content.encode("utf-8", "replace").decode() for m in messages)
    return [{"role": m.role, "content": text} for m, text in zip(messages, texts, strict=True)]


def _context(about: Mapping[str, Any]) -> int | None:
    """The context as vLLM, llama.cpp or OpenRouter list it."""
    nested = about.get("meta")
    inside = nested.get("n_ctx") if isinstance(nested, dict) else None
    for value in (about.get("max_model_len"), inside, about.get("context_length")):
        if type(value) is int and value > 0:
            return value
    return None


def asked_to_wait(headers: Mapping[str, str], now: Callable[[], float] = time.time) -> float | None:
    """Seconds by the header Retry-After, a number or a date; None where there is none to be read.

    Never less than 0, and not infinite.
    """
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - now()
        except (ValueError, TypeError, OverflowError, OSError):
            return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), _ETERNITY)


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "JSON that is nested too deeply"
    return _one_line(str(error.__cause__ or error))


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else f"{line[:300]}…"
