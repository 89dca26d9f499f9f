"""Screens of a stranger: coming in, and going out."""

from app.web.auth import confirm, login, logout, register
from app.web.auth.blueprint import bp

__all__ = ["bp", "confirm", "login", "logout", "register"]
