"""What a process of the site imports before its first answer, and what it leaves alone."""

import os
import subprocess
import sys

import pytest

from config import ROOT

FOR_COMMANDS = {"alembic", "flask_migrate", "tqdm", "app.cli.common"}
FOR_SOME_PAGES = {"zxcvbn", "ua_parser", "prometheus_client"}


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what a process says that has served one page: how much is frozen, what is imported."""
    code = "import gc, sys, run; run.app.test_client().get('/up'); "
    code += "print(gc.get_freeze_count(), len(gc.get_objects()), *sys.modules)"
    url = f"sqlite:///{tmp_path_factory.mktemp('start')}/site.db"
    environment = {**os.environ, "DATABASE_URL": url}
    environment.pop("METRICS_TOKEN", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_what_stands_at_the_start_is_never_looked_through_again(answered: list[str]) -> None:
    frozen, watched, *_ = answered
    assert int(frozen) > 10 * int(watched)


def test_what_only_commands_and_a_few_pages_use_is_imported_when_they_do(
    answered: list[str],
) -> None:
    assert not set(answered) & (FOR_COMMANDS | FOR_SOME_PAGES)
