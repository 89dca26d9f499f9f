"""Staff with a browser, and somebody to look after."""

import pytest
from flask import Flask

from app.accounts.models import User
from tests import factories
from tests.browser import Browser


@pytest.fixture
def root(app: Flask, browser: Browser) -> User:
    """An administrator, who is logged in with `browser`."""
    with app.app_context():
        user = factories.administrator("root")
    browser.log_in("root", factories.PASSWORD)
    return user


@pytest.fixture
def bob(app: Flask) -> User:
    """Bob has a confirmed address and the password factories.PASSWORD."""
    with app.app_context():
        return factories.person("bob")
