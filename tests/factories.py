"""People for tests, made through the same verbs as everybody."""

from app.accounts import registration
from app.accounts.models import User
from app.audit import Actor

PASSWORD = "correct horse battery staple"


def person(name: str = "alice", *, email: str | None = None, password: str = PASSWORD) -> User:
    """Create somebody with a confirmed address, as the operator would."""
    email = email or f"{name.lower()}@example.com"
    return registration.create(name, email, password, by=Actor.operator())
