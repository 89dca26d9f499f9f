"""What every template does many times over, done once: it was a third of the time of a page."""

import functools
from collections.abc import Callable
from typing import Any

from flask import Flask, g, request, url_for
from flask_babel import get_translations
from jinja2 import StrictUndefined, Template, pass_eval_context
from jinja2.environment import TemplateModule
from jinja2.nodes import EvalContext
from markupsafe import Markup


class Page(Template):
    """A template whose macros are imported without comparing what may be named in both.

    Nothing here is rendered with names of its own, so a module of macros is the same everywhere.
    """

    def _get_default_module(self, ctx: Any = None) -> TemplateModule:
        if self._module is None:
            self._module = self.make_module()
        return self._module


def init_app(app: Flask) -> None:
    env = app.jinja_env
    env.template_class = Page
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.install_gettext_callables(gettext, ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals |= {"_": words, "url_for": addresses(app)}


@pass_eval_context
def words(context: EvalContext, text: str, **values: Any) -> str:
    """Return what Jinja's own `_` does, which takes three calls of Jinja for each."""
    found = gettext(text)
    if context.autoescape:
        found = Markup(found)  # noqa: S704 — ours, as the templates are
    return found % values if "%" in found else found


def gettext(text: str) -> str:
    return translations().ugettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    return translations().ungettext(one, many, number)


def translations() -> Any:
    """Return the words of this reader's language, looked up once in each request."""
    # Where Flask-Babel itself would keep them, so that force_locale() forgets them.
    place = g.get("_flask_babel")
    found = getattr(place, "babel_translations", None)
    if found is None:
        found = get_translations()
        g._flask_babel.babel_translations = found
    return found


def addresses(app: Flask) -> Callable[..., str]:
    """Return url_for() for templates, which builds an address that is always the same only once.

    That is one of a page without parts in its address, and of a file, but where files change.
    """
    files_change = app.config["TEMPLATES_AUTO_RELOAD"]

    @functools.lru_cache
    def kept(root: str, endpoint: str, **values: Any) -> str:
        return url_for(endpoint, **values)

    def address(endpoint: str, **values: Any) -> str:
        if values and (endpoint != "static" or files_change):
            return url_for(endpoint, **values)
        return kept(request.root_path, endpoint, **values)

    return address
