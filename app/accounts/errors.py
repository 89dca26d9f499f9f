"""Refusals. Each carries the words that the person will read; a door turns it into a page."""

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l


class Refusal(Exception):
    """A change that is not right; nothing was done."""

    message: LazyString | str

    def __init__(self, message: LazyString | str | None = None) -> None:
        self.message = message or self.message
        super().__init__(str(self.message))


class NameRefused(Refusal):
    """Not a name that this site can hold."""


class NameTaken(Refusal):
    message = _l("This name is taken. Choose another.")


class AddressRefused(Refusal):
    message = _l("Enter an email address in the correct format, like name@example.com.")


class AddressTaken(Refusal):
    message = _l("This email address belongs to another account.")


class PasswordRefused(Refusal):
    """Not a password that may be set here."""


class WrongPassword(Refusal):
    message = _l("This is not your current password. Enter it as you do when you log in.")


class WrongLogin(Refusal):
    """Said alike whether the account, the password or the confirmation is missing."""

    message = _l(
        "That name or email and password do not belong together. "
        "If your email address is not confirmed yet, use your name."
    )
