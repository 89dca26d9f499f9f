"""The words of a reader's language, which a page asks for a hundred times."""

import functools
from typing import Any

from flask import Flask, g
from flask_babel import Domain, get_locale
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup


class Messages(Domain):
    """Flask-Babel's own, but that it finds the language's messages once in each request."""

    def get_translations(self) -> Any:
        # Where Flask-Babel itself would keep them, so that force_locale() forgets them.
        place = g.get("_flask_babel")
        found = getattr(place, "babel_translations", None)
        if found is None:
            found = super().get_translations()
            found.language = str(get_locale() or "en")
            g._flask_babel.babel_translations = found
        return found


messages = Messages()


def init_app(app: Flask) -> None:
    app.extensions["babel"].instance.domain_instance = messages
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        messages.gettext, messages.ngettext, newstyle=True
    )
    app.jinja_env.globals["_"] = words


def code() -> str:
    """Return the language of this reader, as HTML and Babel call it."""
    return str(messages.get_translations().language)


@pass_eval_context
def words(context: EvalContext, text: str, **values: Any) -> str:
    """Return what Jinja's own `_` does, which takes three calls of Jinja for each."""
    translations = messages.get_translations()
    if not context.autoescape:
        found = translations.ugettext(text)
    else:
        found = marked(translations, text)
    return found % values if "%" in found else found


@functools.lru_cache(4096)
def marked(translations: Any, text: str) -> Markup:
    return Markup(translations.ugettext(text))  # noqa: S704 — ours, as the templates are
