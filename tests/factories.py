"""People for tests, made through the same verbs as everybody."""

from app import crypto
from app.accounts import recovery, registration, role_definitions, roles, sessions
from app.accounts.models import User, UserSession
from app.audit import Actor

PASSWORD = "correct horse battery staple"


def person(name: str = "alice", *, email: str | None = None, password: str = PASSWORD) -> User:
    """Create somebody with a confirmed address, as the operator would."""
    email = email or f"{name.lower()}@example.com"
    return registration.create(name, email, password, by=Actor.operator())


def without_address(name: str) -> User:
    """Create somebody who has no address, as people of the tutorial have none."""
    return registration.create(name, None, PASSWORD, by=Actor.operator())


def reset_link(user: User) -> str:
    """Return the secret of a link to choose a new password, as the operator prints it."""
    return recovery.make_link(user, by=Actor.operator(), reason="Asked at the desk")


def administrator(name: str = "root") -> User:
    """Create somebody who may do everything."""
    user = person(name)
    roles.grant(user, roles.ADMINISTRATOR, by=Actor.operator())
    return user


def holder(name: str, *permissions: str) -> User:
    """Create somebody with a role of their own name that holds these permissions."""
    user = person(name)
    role_definitions.create(name, permissions, by=Actor.operator())
    roles.grant(user, name, by=Actor.operator())
    return user


def claimant(name: str = "bob", *, email: str | None = None) -> User:
    """Create somebody who registered, and whose address waits to be confirmed."""
    email = email or f"{name.lower()}@example.com"
    return registration.register(name, email, PASSWORD, by=visitor(name)).user


def visitor(where: str = "") -> Actor:
    """Return a stranger at an address of their own, so that no limit of a place is in the way."""
    return Actor.visitor(f"2001:db8:{crypto.digest(where)[:4]}::1")


def session(user: User) -> UserSession:
    """Log somebody in, without a browser."""
    started = sessions.start(
        user, verified=user.password_hash, by=visitor(), remembered=False, user_agent=""
    )
    return started.session
