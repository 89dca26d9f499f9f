"""One browser and one site for each worker; a browser context of its own for each test."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.browser import Visitors, start
from tests.e2e.site import ADA, Site, serve
from tests.services import require_chromium, scratch_database


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with start(require_chromium()) as started:
        yield started


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with scratch_database("sqlite") as url, serve(url) as running:
        running.settle()
        yield running


@pytest.fixture(scope="session")
def visitors(chromium: Browser, site: Site) -> Visitors:
    return Visitors(chromium, site)


@pytest.fixture
def page(visitors: Visitors, site: Site) -> Iterator[Page]:
    """A stranger's."""
    with visitors.page(base_url=site.url) as page:
        yield page


@pytest.fixture
def adas_page(visitors: Visitors, site: Site) -> Iterator[Page]:
    with visitors.page(ADA, base_url=site.url) as page:
        yield page
