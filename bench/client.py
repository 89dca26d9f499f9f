"""A client that costs little: raw sockets, kept open, one thread for each."""

import re
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlencode

HEAD = (
    "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\n"
    "{headers}Content-Length: {length}\r\n\r\n"
)


@dataclass
class Answer:
    status: int
    head: str
    body: str


class Line:
    """One connection that is kept."""

    def __init__(self, port: int) -> None:
        self.port, self.socket = port, socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> Answer:
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := self.socket.recv(65536)):
                raise ConnectionError("the server hung up")
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1])  # type: ignore[index]
        while len(body) < length:
            body += self.socket.recv(65536)
        return Answer(int(head[9:12]), head.decode("latin-1"), body.decode())


def request(
    port: int, path: str, *, cookie: str = "", form: dict[str, str] | None = None, ip: str = ""
) -> bytes:
    body = urlencode(form).encode() if form is not None else b""
    headers = f"Cookie: {cookie}\r\n" if cookie else ""
    if ip:
        headers += f"X-Forwarded-For: {ip}\r\n"
    if form is not None:
        headers += (
            "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n"
        )
    method = "GET" if form is None else "POST"
    head = HEAD.format(method=method, path=path, port=port, headers=headers, length=len(body))
    return head.encode() + body


@dataclass
class Visitor:
    """Somebody with cookies and a token, who sends forms."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def __post_init__(self) -> None:
        self.line = Line(self.port)

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def keep(self, answer: Answer) -> Answer:
        for name, value in re.findall(r"set-cookie: ([^=]+)=([^;\r]*)", answer.head, re.IGNORECASE):
            self.cookies[name] = value
        if found := re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.body):
            self.token = found[1]
        return answer

    def get(self, path: str) -> Answer:
        return self.keep(self.line.ask(request(self.port, path, cookie=self.cookie)))

    def form(self, path: str, ip: str = "", **answers: str) -> bytes:
        """Return the request that sends a form, with the cookies and the token as they are now."""
        form = {"csrf_token": self.token, **answers}
        return request(self.port, path, cookie=self.cookie, form=form, ip=ip)

    def post(self, path: str, **answers: str) -> Answer:
        return self.keep(self.line.ask(self.form(path, **answers)))


@dataclass
class Figures:
    per_second: float
    median: float  # milliseconds
    p99: float
    statuses: dict[int, int]


def load(port: int, next_request: Callable[[], bytes], seconds: float, lines: int = 4) -> Figures:
    """Ask as fast as the server answers, on so many lines at once."""
    times: list[float] = []
    statuses: dict[int, int] = {}
    until = time.monotonic() + seconds

    def run() -> None:
        line = Line(port)
        while time.monotonic() < until:
            asked = next_request()
            since = time.perf_counter()
            answer = line.ask(asked)
            times.append(time.perf_counter() - since)
            statuses[answer.status] = statuses.get(answer.status, 0) + 1

    threads = [threading.Thread(target=run) for _ in range(lines)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    times.sort()
    p99 = times[min(int(len(times) * 0.99), len(times) - 1)]
    return Figures(len(times) / took, statistics.median(times) * 1000, p99 * 1000, statuses)


def addresses() -> Iterator[str]:
    """Yield addresses that are all of different networks, so that no limit is in the way."""
    base = int(time.time()) & 0xFFFF
    for number in range(1 << 32):
        yield f"2001:db8:{base:x}:{number & 0xFFFF:x}::{number >> 16:x}"
