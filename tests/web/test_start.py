"""What a process of the site imports before its first answer, and what it leaves alone."""

import os
import subprocess
import sys
from pathlib import Path

from config import ROOT

FOR_COMMANDS = {"alembic", "flask_migrate", "tqdm", "app.cli.common"}
FOR_SOME_PAGES = {"zxcvbn", "ua_parser", "prometheus_client"}


def test_what_only_commands_and_a_few_pages_use_is_imported_when_they_do(tmp_path: Path) -> None:
    code = "import sys, run; run.app.test_client().get('/up'); print(*sys.modules)"
    environment = {**os.environ, "DATABASE_URL": f"sqlite:///{tmp_path}/site.db"}
    environment.pop("METRICS_TOKEN", None)
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert not set(done.stdout.split()) & (FOR_COMMANDS | FOR_SOME_PAGES)
