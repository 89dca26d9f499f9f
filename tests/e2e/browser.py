"""Chromium, driven by Playwright: as the tests and the contact sheet start it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.site import PASSWORD, STRANGER, Site

PHONE = {"width": 390, "height": 844}
# Nothing to look up and nothing to update: the tests talk to this machine alone.
QUIET = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


@contextmanager
def start(chromium: Path) -> Iterator[Browser]:
    """Yield a headless browser that ends with the block."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has none to give
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET + sandbox)
        try:
            yield browser
        finally:
            browser.close()


class Visitors:
    """Browsers of people who are logged in, and of strangers; each person logs in only once."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser, self.site = browser, site
        self.cookies: dict[str, Any] = {}

    @contextmanager
    def page(self, who: str = STRANGER, **options: Any) -> Iterator[Page]:
        """Yield an empty page of a browser of its own."""
        state = self.logged_in(who) if who != STRANGER else None
        context = self.context(storage_state=state, **options)
        try:
            yield context.new_page()
        finally:
            if who != STRANGER:  # a session gets a new secret when somebody confirms who they are
                self.cookies[who] = context.storage_state()
            context.close()

    def context(self, **options: Any) -> BrowserContext:
        options = {"viewport": PHONE, "reduced_motion": "reduce", "locale": "en-GB"} | options
        context = self.browser.new_context(**options)
        context.set_default_timeout(8_000)
        return context

    def logged_in(self, who: str) -> Any:
        if who not in self.cookies:
            with self.page() as page:
                log_in(page, self.site, who)
                self.cookies[who] = page.context.storage_state()
        return self.cookies[who]


def log_in(page: Page, site: Site, name: str, password: str = PASSWORD) -> None:
    page.goto(f"{site.url}/login")
    page.locator("[name=identifier]").fill(name)
    page.locator("[name=password]").fill(password)
    page.get_by_role("button", name="Log in", exact=True).click()
    page.wait_for_url(f"{site.url}/account")
