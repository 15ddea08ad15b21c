"""A model server that does not think: it answers from a script.

It speaks OpenAI's chat completions over HTTP, plain and streamed, so that OctoLLM can be followed from a goal to its
result without a key and without a model. What it says stands in `answers.json` beside this file, and nowhere else: the
first entry whose words all occur in the request is the answer. A request that no entry fits gets a 404 that says so.

    python3 examples/scripted_model/server.py [--port 8199] [--log FILE]

It needs nothing but Python 3.9 or newer, and listens on the loopback address only.
"""

from __future__ import annotations

import argparse
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = "scripted"
SCRIPT = json.loads((Path(__file__).parent / "answers.json").read_text(encoding="utf-8"))
PIECE = 24
MOST_BYTES = 8 * 1024 * 1024


def answer_to(request: dict) -> str | None:
    """The scripted answer, as text."""
    said = json.dumps(request.get("messages", []), ensure_ascii=False)
    for entry in SCRIPT:
        if all(words in said for words in entry["if_it_says"]):
            answer = entry["answer"]
            return answer if isinstance(answer, str) else json.dumps(answer)
    return None


def usage(request: dict, answer: str) -> dict:
    """Tokens, at four characters each: there is no tokenizer here."""
    asked, told = len(json.dumps(request)) // 4, len(answer) // 4
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log: Path | None = None

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.send_json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        else:
            self.refuse(404, "there is only /v1/models and /v1/chat/completions here")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > MOST_BYTES:
            return self.refuse(413, "the request is too long")
        try:
            request = json.loads(self.rfile.read(length))
        except ValueError:
            return self.refuse(400, "the request is not JSON")
        if self.path != "/v1/chat/completions" or not isinstance(request, dict):
            return self.refuse(404, "there is only /v1/models and /v1/chat/completions here")
        if self.log:
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(request, ensure_ascii=False) + "\n")
        answer = answer_to(request)
        if answer is None:
            return self.refuse(404, "the script has no answer to this request; see answers.json")
        if request.get("stream"):
            return self.stream(request, answer)
        message = {"role": "assistant", "content": answer}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        self.send_json(200, {**self.head("chat.completion"), "choices": [choice], "usage": usage(request, answer)})

    def head(self, kind: str) -> dict:
        return {"id": "chatcmpl-scripted", "object": kind, "created": 0, "model": MODEL}

    def stream(self, request: dict, answer: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for start in range(0, len(answer), PIECE):
            self.send_event([{"index": 0, "delta": {"content": answer[start : start + PIECE]}, "finish_reason": None}])
        self.send_event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
        self.send_event([], usage=usage(request, answer))
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def send_event(self, choices: list, **more: dict) -> None:
        event = {**self.head("chat.completion.chunk"), "choices": choices, **more}
        self.wfile.write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def refuse(self, status: int, why: str) -> None:
        self.send_json(status, {"error": {"message": why, "type": "invalid_request_error", "code": None}})

    def send_json(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Requests hold what people wrote: nothing of them is logged, unless `--log` asks for all of it."""


def main() -> None:
    parser = argparse.ArgumentParser(description="A model server that answers from a script.")
    parser.add_argument("--port", type=int, default=8199, help="0 takes a free one")
    parser.add_argument("--log", type=Path, help="a file to which every request is appended, one on a line")
    args = parser.parse_args()
    Handler.log = args.log
    server = ThreadingHTTPServer(("127.0.0.1", args.port), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
