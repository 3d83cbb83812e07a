"""An HTTP server in this process that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass(frozen=True)
class Asked:
    """One request; `body` is JSON's, or a form's fields."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Double:
    """The server: `answers` by the begin of "METHOD /path" give a status and a JSON body."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    answers: dict[str, Callable[[Asked], tuple[int, Any]]] = field(default_factory=dict)

    def answer(self, begins: str, status: int, body: Any) -> None:
        """The same answer every time."""
        self.answers[begins] = lambda asked: (status, body)

    def of(self, path: str) -> list[Asked]:
        """What was asked at a path."""
        return [each for each in self.asked if each.path.startswith(path)]


@contextmanager
def http_double() -> Iterator[Double]:
    """A running double."""
    double = Double()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            json_body = "json" in (self.headers.get("Content-Type") or "")
            body = json.loads(raw) if json_body and raw else dict(parse_qsl(raw))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            double.asked.append(asked)
            line = f"{self.command} {self.path}"
            found = max((each for each in double.answers if line.startswith(each)), key=len, default="")
            status, answer = double.answers[found](asked) if found else (404, {"error": {"message": line}})
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
