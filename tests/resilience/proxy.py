"""A small TCP proxy on loopback that delays, refuses, falls silent and cuts, as it is told."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, with a reset


class Proxy:
    """Stands between a program and the server at `upstream`."""

    def __init__(self, upstream: tuple[str, int]) -> None:
        self.upstream = upstream
        self.delay = 0.0  # seconds before each answer of the server
        self.answers_left: int | None = None  # then every line is cut, once
        self.then_refuses = False
        self.speaks = threading.Event()  # while it is not set, nothing passes
        self.speaks.set()
        self.pairs: list[tuple[socket.socket, socket.socket]] = []
        self.lock = threading.Lock()
        self.listener = self.listen(0)
        self.port = int(self.listener.getsockname()[1])

    def listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
        return listener

    def accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was closed
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self.join, args=(client,), daemon=True).start()

    def join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self.upstream)
        except OSError:
            client.close()
            return
        with self.lock:
            self.pairs.append((client, server))
        threading.Thread(target=self.pump, args=(client, server, False), daemon=True).start()
        self.pump(server, client, True)

    def pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers:
                    self.count()
                    time.sleep(self.delay)
                self.speaks.wait()
                target.sendall(data)
        except OSError:
            pass
        close(source, target)

    def count(self) -> None:
        """Cut every line in place of an answer, if this is the one."""
        with self.lock:
            if self.answers_left is None:
                return
            self.answers_left -= 1
            is_last = self.answers_left < 0
            if is_last:
                self.answers_left = None
        if is_last:
            if self.then_refuses:
                self.refuse()
            self.cut()
            raise ConnectionResetError

    def cut(self) -> None:
        """Reset every line that is open; new ones are welcome."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            close(*pair)

    def refuse(self) -> None:
        """Be a port where nobody listens."""
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()

    def fall_silent(self) -> None:
        """Take lines and words, and say nothing."""
        self.speaks.clear()

    def recover(self) -> None:
        self.delay, self.answers_left, self.then_refuses = 0.0, None, False
        self.speaks.set()
        if self.listener.fileno() == -1:
            self.listener = self.listen(self.port)

    def cut_after(self, answers: int, then_refuses: bool = False) -> None:
        """Let so many answers through; cut all lines in place of the next one."""
        self.answers_left, self.then_refuses = answers, then_refuses


def close(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def before(host: str, port: int) -> Iterator[Proxy]:
    proxy = Proxy((host, port))
    try:
        yield proxy
    finally:
        proxy.speaks.set()
        proxy.refuse()
