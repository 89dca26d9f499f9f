"""Take a picture of every page, and lay them out as two sheets: `make pages`.

Chromium both takes the pictures and lays them out, so nothing else is needed.
"""

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Browser

from tests.e2e.browser import Visitors, start
from tests.e2e.site import SCREENS, serve
from tests.services import require_chromium, scratch_database

DOCS = Path(__file__).parents[2] / "docs"
WIDTHS = (1280, 390, 320)
HEIGHT = 800  # what stands below is looked at in a browser
SCALE = 0.3
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
SHOWN_IN_THE_README = "account"

SHEET = """
<style>
  body {{ margin: 16px; background: {ground}; color: {ink}; font: 13px system-ui, sans-serif }}
  main {{ display: grid; grid-template-columns: repeat(2, max-content); gap: 20px 28px }}
  figure {{ margin: 0; display: grid; grid-template-columns: repeat(3, max-content); gap: 6px }}
  figcaption {{ grid-column: 1 / -1 }}
  img {{ outline: 1px solid {line} }}
</style>
<main>{figures}</main>
"""
INK = {
    "light": {"ground": "#e3e5ea", "ink": "#16181d", "line": "#c3c7d0"},
    "dark": {"ground": "#000", "ink": "#e9ebf0", "line": "#3a4150"},
}


class Picture(NamedTuple):
    screen: str
    width: int
    theme: str
    png: bytes


def pictures(visitors: Visitors) -> Iterator[Picture]:
    for screen in SCREENS:
        with visitors.page(screen.who) as page:
            screen.open(page, visitors.site)
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": HEIGHT})
                for theme in THEMES:
                    page.emulate_media(color_scheme=theme)
                    yield Picture(screen.name, width, theme, page.screenshot(animations="disabled"))


def sheet(browser: Browser, theme: str, taken: list[Picture]) -> bytes:
    figures = ""
    for screen in SCREENS:
        mine = [p for p in taken if (p.screen, p.theme) == (screen.name, theme)]
        title = f"{screen.name} · {screen.path}"
        figures += (
            f"<figure><figcaption>{escape(title)}</figcaption>{''.join(map(image, mine))}</figure>"
        )
    page = browser.new_page(viewport={"width": 1300, "height": 800})
    page.set_content(SHEET.format(figures=figures, **INK[theme]))
    return page.screenshot(full_page=True)


def image(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode()
    return f'<img width="{round(picture.width * SCALE)}" src="data:image/png;base64,{data}">'


def main() -> None:
    with (
        start(require_chromium()) as browser,
        scratch_database("sqlite") as url,
        serve(url) as site,
    ):
        site.settle()
        taken = list(pictures(Visitors(browser, site)))
        for theme in THEMES:
            write(DOCS / "pages" / f"{theme}.png", sheet(browser, theme, taken))
        for picture in taken:
            if (picture.screen, picture.width) == (SHOWN_IN_THE_README, max(WIDTHS)):
                write(DOCS / f"screenshot-{picture.theme}.png", picture.png)


def write(path: Path, png: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)
    print(f"{path.relative_to(DOCS.parent)}: {len(png) // 1024} KiB")


if __name__ == "__main__":
    main()
