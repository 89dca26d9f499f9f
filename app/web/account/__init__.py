"""Screens of the person whose account it is."""

from app.web.account import appearance, email, overview, password, sessions
from app.web.account.blueprint import bp

__all__ = ["appearance", "bp", "email", "overview", "password", "sessions"]
