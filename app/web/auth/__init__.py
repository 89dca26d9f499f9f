"""Screens of a stranger: coming in, and going out."""

from app.web.auth import confirm, forgotten, login, logout, register, reset, setup, verify
from app.web.auth.blueprint import bp

__all__ = ["bp", "confirm", "forgotten", "login", "logout", "register", "reset", "setup", "verify"]
