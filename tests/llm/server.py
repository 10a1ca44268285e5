"""An OpenAI-compatible server on localhost that follows a script, for tests.

    with Server([busy(), says("hello")]) as server:
        OpenAIBackend(server.url, "scripted")

Every chat request takes the next step of the script, or the last one for ever; a step is a function
that writes to the request's handler. What was asked is in `server.asked`.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODEL = "scripted"


class Server:
    def __init__(
        self,
        script=(),
        *,
        models=(MODEL,),
        key=None,
        context=None,
        choose=None,
        listing=None,
        llamacpp=False,
    ):
        self.script, self.models, self.key, self.context = list(script), models, key, context
        self.choose = choose  # a step by the request, instead of the script
        self.listing = listing  # a step instead of the list of models
        self.owner = "llamacpp" if llamacpp else "test"
        self.asked = []
        self.most_at_once = 0
        self._at_once = 0
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def __enter__(self):
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()

    def next_step(self, body):
        with self.lock:
            self.asked.append(body)
            if self.choose is not None:
                return self.choose(body)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def count(self, change):
        with self.lock:
            self._at_once += change
            self.most_at_once = max(self.most_at_once, self._at_once)

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                if server.key and self.headers["authorization"] != f"Bearer {server.key}":
                    return refuse(401, "Incorrect API key provided")(self)
                if server.listing is not None:
                    return server.listing(self)
                listed = [
                    {"id": name, "object": "model", "created": 0, "owned_by": server.owner,
                     "max_model_len": server.context}
                    for name in server.models
                ]  # fmt: skip
                return answer(self, 200, {"object": "list", "data": listed})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == "/apply-template":
                    said = "".join(message["content"] for message in body["messages"])
                    return answer(self, 200, {"prompt": said})
                if self.path == "/tokenize":
                    return answer(self, 200, {"tokens": body["content"].split()})
                server.count(1)
                try:
                    server.next_step(body)(self)
                except (BrokenPipeError, ConnectionResetError):
                    pass  # the client stopped listening
                finally:
                    server.count(-1)

        return Handler


def answer(handler, status, body, headers=()):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(data)))
    for name, value in headers:
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(data)


def refuse(status, message, *, retry_after=None, code=None):
    headers = [("Retry-After", str(retry_after))] if retry_after is not None else []
    body = {"error": {"message": message, "code": code}}
    return lambda handler: answer(handler, status, body, headers)


def busy(retry_after=0):
    return refuse(429, "Rate limit reached", retry_after=retry_after)


def raw(status, data):
    return lambda handler: answer(handler, status, data)


def event(text=None, finish=None, usage=None, reasoning=None):
    delta = {"role": "assistant", "content": text}
    if reasoning is not None:
        delta["reasoning_content"] = reasoning
    chunk = {
        "id": "1", "object": "chat.completion.chunk", "created": 0, "model": MODEL,
        "choices": [] if usage else [{"index": 0, "delta": delta, "finish_reason": finish}],
        "usage": usage,
    }  # fmt: skip
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def begin(handler):
    """The head of a streamed reply; the connection's end is the stream's."""
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.close_connection = True


def says(text, *, finish="stop", usage=(7, 3), pieces=3, gate=None):
    def step(handler):
        if gate is not None:
            gate.wait(10)
        begin(handler)
        size = max(1, -(-len(text) // pieces))
        for start in range(0, len(text), size):
            handler.wfile.write(event(text[start : start + size]))
        handler.wfile.write(event("", finish))
        if usage is not None:
            total = dict(zip(("prompt_tokens", "completion_tokens"), usage, strict=True))
            handler.wfile.write(event(usage={**total, "total_tokens": sum(usage)}))
        handler.wfile.write(b"data: [DONE]\n\n")

    return step


def streams(*parts):
    """Whatever bytes, then the end of the connection."""

    def step(handler):
        begin(handler)
        for part in parts:
            handler.wfile.write(part)

    return step


def for_ever(piece="la "):
    def step(handler):
        begin(handler)
        while True:
            handler.wfile.write(event(piece))

    return step


def drops(handler):
    """Hang up without a word."""
    handler.close_connection = True
    handler.connection.close()
