"""Screens of the person whose account it is."""

from app.web.account import appearance, overview, password, sessions
from app.web.account.blueprint import bp

__all__ = ["appearance", "bp", "overview", "password", "sessions"]
