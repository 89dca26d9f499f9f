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


class LinkExpired(Refusal):
    """Said alike of a link that is too old, was used, was replaced, or never was one."""

    message = _l("This link has expired or was used before. Ask for a new one.")


class WrongCode(Refusal):
    message = _l("This is not the code from the newest mail. Check its letters, or use its link.")


class CodeExpired(Refusal):
    message = _l("This code does not work any more. Use the link in the mail, or send a new one.")


class AddressConfirmed(Refusal):
    message = _l("Your email address is confirmed already. It cannot be changed here yet.")


class Deactivated(Refusal):
    """Said to somebody who has just proved who they are, and to nobody else."""

    message = _l("This account is deactivated. Ask the people who run this site about it.")


class NotAllowed(Refusal):
    """Not this person's to do: a door answers 403, and writes it in the log."""

    message = _l("You do not have the permission that this needs.")


class OutRanked(NotAllowed):
    message = _l("This is beyond your own permissions.")


class OwnRoles(NotAllowed):
    message = _l("Nobody adds to their own permissions. Somebody else has to do this.")


class AccountGone(Refusal):
    """Somebody was removed after whoever acts on them had found them."""

    message = _l("This account no longer exists.")


class OwnAccount(Refusal):
    message = _l("This is your own account. Somebody else has to do this.")


class LastAdministrator(Refusal):
    message = _l("This is the last administrator. Make somebody else one first.")


class RoleRefused(Refusal):
    """Not a role, or a permission, that can be held, made, changed or deleted."""


class StandsAlready(Refusal):
    """Nothing is left to do: it is as it was asked to be."""


class ReasonRefused(Refusal):
    message = _l("Enter a reason in 200 characters or fewer.")


class LinkRefused(Refusal):
    """A link to choose a password would reach nobody, or do nothing."""
