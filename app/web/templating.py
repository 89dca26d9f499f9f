"""What every template does many times over, done once: it was a third of the time of a page."""

import functools
from collections.abc import Callable
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

from flask import Flask, request, url_for
from jinja2 import Environment, StrictUndefined, Template
from jinja2.environment import TemplateModule
from jinja2.runtime import Context, Macro
from markupsafe import Markup, _escape_inner, escape  # type: ignore[attr-defined]

from app.web.language import words

PLAIN = {FunctionType, MethodType, BuiltinMethodType}


class Names(Context):
    """What a template may name and call: Jinja's own takes longer over it than a macro does."""

    def call(self, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        kind = type(called)
        if kind is Macro or called is words:
            args = (self.eval_ctx, *args)
        elif kind not in PLAIN or hasattr(called, "jinja_pass_arg"):
            return super().call(called, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        return called(*args, **kwargs)


def written(value: Any) -> str:
    """Return what escape() does, less the two looks at its own answer."""
    kind = type(value)
    if kind is Markup:
        return value
    return _escape_inner(value) if kind is str else escape(value)


class Page(Template):
    """A template whose macros are imported without comparing what may be named in both.

    Nothing here is rendered with names of its own, so a module of macros is the same everywhere.
    """

    @classmethod
    def _from_namespace(cls, environment: Environment, namespace: Any, globals: Any) -> Template:
        namespace["escape"] = written
        return super()._from_namespace(environment, namespace, globals)

    def _get_default_module(self, ctx: Any = None) -> TemplateModule:
        if self._module is None:
            self._module = self.make_module()
        return self._module


def init_app(app: Flask) -> None:
    env = app.jinja_env
    env.template_class = Page
    env.context_class = Names
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.globals["url_for"] = addresses(app)


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
