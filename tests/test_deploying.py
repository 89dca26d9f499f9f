"""docs/deploying.md leads an upgrade through its stages in the order that hurts nobody."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "deploying.md"


def test_rows_are_filled_after_the_release_is_rolled_out() -> None:
    upgrade = PAGE.read_text().partition("## Upgrade in stages")[2].partition("\n## ")[0]
    steps = re.findall(r"\bdb \w+|systemctl restart", upgrade)
    in_order = [step for before, step in zip(["", *steps], steps, strict=False) if step != before]
    assert in_order == ["db expand", "systemctl restart", "db backfill", "db contract"]


def commands() -> list[str]:
    """Return the lines of the page that are typed."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_nginx_can_make_the_folder_of_its_cache() -> None:
    """It makes the last folder of a path alone, and what Debian has is /var/cache."""
    site = (PAGE.parent.parent / "deploy" / "nginx.conf").read_text()
    (cache,) = re.findall(r"^proxy_cache_path (\S+)", site, re.MULTILINE)
    assert str(Path(cache).parent) == "/var/cache"


def test_what_only_root_or_the_site_may_read_is_read_as_such() -> None:
    private = re.compile(r"/(?:var/lib|var/backups|etc)/gatehouse")
    for line in commands():
        for part in line.split(" | "):
            if private.search(part):
                assert "sudo " in part, line


def test_a_folder_is_there_before_anything_is_put_into_it() -> None:
    typed = commands()
    for folder in ("/var/lib/gatehouse", "/var/backups/gatehouse", "/etc/gatehouse"):
        first = next(line for line in typed if folder in line)
        assert first.startswith("sudo install -d") and first.endswith(folder)
