"""One function per mail. Each says what happened, and the template what to do about it.

No mail that a stranger can cause holds anything that the stranger typed: an account may be called
"Visit evil.example". Those count against the recipient's budget: whoever has one written asks
first whether there is room (`mail.has_room`), and makes a link only if there is. Notices about what
was done to an account go to its confirmed address and to no other.
"""

from typing import Any

from app import mail
from app.accounts import names, tokens
from app.accounts.models import User
from app.accounts.tokens import LIFETIME, Purpose


def verify(user: User, address: str, secret: str, code: str, *, room: bool) -> None:
    """Ask whoever reads `address` whether it is theirs."""
    lifetime = LIFETIME[Purpose.VERIFY_EMAIL]
    mail.send(
        "verify",
        to=address,
        to_key=names.address_key(address),
        user=user,
        room=room,
        lifetime=lifetime,
        secret=secret,
        link=mail.link("auth.verify", token=secret),
        code=f"{code[:4]}-{code[4:]}",
        days=lifetime.days,
    )


def already_registered(owner: User, *, room: bool) -> None:
    """Tell the owner of an address that it was given for another account."""
    to_owner("already_registered", owner, room=room, link=mail.link("auth.forgotten"))


def reset(user: User, secret: str, *, reason: str | None = None, room: bool = True) -> None:
    """Send the link by which a new password is chosen.

    Staff who send it have a reason, and for what they send there is always room.
    """
    lifetime = LIFETIME[Purpose.RESET_PASSWORD]
    to_owner(
        "reset",
        user,
        room=room,
        lifetime=lifetime,
        secret=secret,
        link=mail.link("auth.reset", token=secret),
        minutes=lifetime.seconds // 60,
        reason=reason,
    )


@mail.check("verify")
def verifies(*, secret: str, **rest: Any) -> bool:
    """Whether the link in such a mail would work now: else nobody is to wait for it."""
    return tokens.peek(Purpose.VERIFY_EMAIL, secret) is not None


@mail.check("reset")
def resets(*, secret: str, **rest: Any) -> bool:
    return tokens.peek(Purpose.RESET_PASSWORD, secret) is not None


def no_account(address: str, *, room: bool) -> None:
    """Tell whoever asked for a reset of an address that nobody has confirmed it here."""
    mail.send(
        "no_account",
        to=address,
        to_key=names.address_key(address),
        user=None,
        room=room,
        link=mail.link("auth.register"),
    )


def password_changed(user: User) -> None:
    to_owner("password_changed", user, link=mail.link("auth.forgotten"))


def account_created(user: User) -> None:
    """Tell somebody for whom an account was made how to choose its password."""
    to_owner("account_created", user, name=user.name, link=mail.link("auth.forgotten"))


def staff_acted(user: User, act: str, reason: str | None) -> None:
    """Tell somebody what the staff did to their account, and why."""
    # Whoever is locked out is shown no door.
    door = {"link": mail.link("auth.login")} if user.is_active else {}
    to_owner("staff_acted", user, act=act, reason=reason, **door)


def test(address: str) -> mail.Outcome:
    """Send the operator a mail at once, and return what the server made of it."""
    key, link = names.address_key(address), mail.link("site.home")
    return mail.send_now("test", to=address, to_key=key, link=link)


def to_owner(kind: str, user: User, **details: Any) -> None:
    """Write to the confirmed address of `user`; to nobody where there is none."""
    if user.email:
        key = names.address_key(user.email)
        mail.send(kind, to=user.email, to_key=key, user=user, **details)
