"""How many mails one worker delivers in a second, to a server on loopback that takes anything."""

import os
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from app import create_app, mail
from app.db import atomic, db
from bench import site

MANY = int(os.environ.get("MAILS", "500"))


class Taker(socketserver.StreamRequestHandler):
    """Says yes to everything, and counts."""

    taken = 0

    def handle(self) -> None:
        self.say(b"220 here")
        while words := self.rfile.readline():
            match words[:4].upper():
                case b"DATA":
                    self.say(b"354 go on")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    Taker.taken += 1
                    self.say(b"250 taken")
                case b"QUIT":
                    self.say(b"221 bye")
                    return
                case _:
                    self.say(b"250 ok")

    def say(self, words: bytes) -> None:
        self.wfile.write(words + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


@atomic
def write() -> None:
    for number in range(MANY):
        to = f"{number}@example.com"
        mail.send("test", to=to, to_key=to, user=None, link=mail.link("site.home"))


def measure(url: str, table: Callable[..., None], line: Callable[..., str]) -> None:
    table("Mails of one worker", ["", "a second"])
    with Server(("127.0.0.1", 0), Taker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        more: dict[str, Any] = {
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": str(server.server_address[1]),
            "MAIL_USE_TLS": "0",
        }
        env = site.environment(url, **more)
        os.environ.update({name: env[name] for name in ("DATABASE_URL", "SECRET_KEY", *more)})
        app = create_app()
        with app.app_context():
            db.session.connection().exec_driver_sql("DELETE FROM job")
            write()
            db.engine.dispose()
        Taker.taken = 0
        command = [sys.executable, "-m", "flask", "--app", "run", "worker"]
        worker = subprocess.Popen(command, cwd=site.ROOT, env=env, stderr=subprocess.DEVNULL)
        while Taker.taken < 20:
            time.sleep(0.01)
        first, began = Taker.taken, time.monotonic()
        while Taker.taken < MANY:
            time.sleep(0.005)
        took = time.monotonic() - began
        worker.terminate()
        worker.wait()
        server.shutdown()
    print(line([f"{MANY} mails", f"{(MANY - first) / took:.0f}"]))
