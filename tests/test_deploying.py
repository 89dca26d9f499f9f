"""docs/deploying.md leads an upgrade through its stages in the order that hurts nobody."""

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "deploying.md"


def test_rows_are_filled_after_the_release_is_rolled_out() -> None:
    upgrade = PAGE.read_text().partition("## Upgrade in stages")[2].partition("\n## ")[0]
    steps = re.findall(r"\bdb \w+|systemctl restart", upgrade)
    in_order = [step for before, step in zip(["", *steps], steps, strict=False) if step != before]
    assert in_order == ["db expand", "systemctl restart", "db backfill", "db contract"]
