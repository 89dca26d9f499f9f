"""The people's tables on a page. Models answer questions; verbs change things."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import TABLE_OPTIONS, Model, UTCDateTime, big_id, key


class Origin:
    """How an account came. Only what came by REGISTRATION is ever removed unasked."""

    REGISTRATION = "registration"
    OPERATOR = "operator"
    STAFF = "staff"
    SETUP = "setup"
    TUTORIAL = "tutorial"
    UNKNOWN = "unknown"


class User(Model):
    """A person. Only `name` is always there: people of revision 0001 have nothing else."""

    __tablename__ = "user"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str | None] = mapped_column(sa.String(32), unique=True, index=True)
    # The name as it is compared; empty where an older account of the tutorial has the key already.
    name_key: Mapped[str | None] = mapped_column(key(576), unique=True, index=True)
    display_name: Mapped[str | None] = mapped_column(sa.String(128))
    # Confirmed, as typed; a claim that nobody proved yet is only ever in pending_email.
    email: Mapped[str | None] = mapped_column(sa.String(254))
    email_key: Mapped[str | None] = mapped_column(key(254), unique=True, index=True)
    pending_email: Mapped[str | None] = mapped_column(sa.String(254))
    # For the staff's search: a claim is nobody's, so it is not unique.
    pending_email_key: Mapped[str | None] = mapped_column(key(254), index=True)
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    created_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # unknown for those of 0001
    origin: Mapped[str | None] = mapped_column(sa.String(16))  # one of Origin, or not known
    claimed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # since when pending_email
    last_seen_at: Mapped[datetime | None] = mapped_column(UTCDateTime)
    deactivated_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    # What Flask-Login asks of somebody it has been given.
    is_authenticated = True
    is_anonymous = False

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    def get_id(self) -> str:
        return str(self.id)


class UserSession(Model):
    """A browser that is logged in. The cookie holds a secret; here is only its digest."""

    __tablename__ = "user_session"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    user_id: Mapped[int] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"), index=True)
    digest: Mapped[str] = mapped_column(key(64), unique=True, index=True)
    remembered: Mapped[bool]
    ip: Mapped[str] = mapped_column(sa.String(45))
    user_agent: Mapped[str] = mapped_column(sa.String(256))
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UTCDateTime)
    # When whoever sits there last proved who they are; unknown for sessions from before 0011.
    confirmed_at: Mapped[datetime | None] = mapped_column(UTCDateTime)

    user: Mapped[User] = relationship()


class HeldForm(Model):
    """What somebody was about to do when asked to confirm who they are. One for a session."""

    __tablename__ = "held_form"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    session_id: Mapped[int] = mapped_column(
        big_id(), sa.ForeignKey("user_session.id", ondelete="CASCADE"), unique=True, index=True
    )
    digest: Mapped[str] = mapped_column(key(64))
    sealed: Mapped[str] = mapped_column(sa.Text)
    held_at: Mapped[datetime] = mapped_column(UTCDateTime)


class UserToken(Model):
    """A mailed link, and the code beside it, as digests. The first administrator's has nobody."""

    __tablename__ = "user_token"
    __table_args__ = (sa.Index(None, "user_id", "purpose"), TABLE_OPTIONS)

    id: Mapped[int] = mapped_column(big_id(), primary_key=True)
    user_id: Mapped[int | None] = mapped_column(sa.ForeignKey("user.id", ondelete="CASCADE"))
    purpose: Mapped[str] = mapped_column(sa.String(32))
    digest: Mapped[str] = mapped_column(key(64), unique=True, index=True)
    code_digest: Mapped[str | None] = mapped_column(key(64))
    code_tries: Mapped[int]
    address: Mapped[str | None] = mapped_column(sa.String(254))  # what it was sent to
    created_at: Mapped[datetime] = mapped_column(UTCDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # none: until it is used


class Role(Model):
    """A named set of permissions. The administrator's has every one, and lists none."""

    __tablename__ = "role"
    __table_args__ = TABLE_OPTIONS

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(key(64), unique=True, index=True)


class RolePermission(Model):
    """One permission of a role, by the name it has in roles.PERMISSIONS."""

    __tablename__ = "role_permission"
    __table_args__ = TABLE_OPTIONS

    role_id: Mapped[int] = mapped_column(
        sa.ForeignKey("role.id", ondelete="CASCADE"), primary_key=True
    )
    permission: Mapped[str] = mapped_column(key(64), primary_key=True)


class UserRole(Model):
    """A role that somebody holds."""

    __tablename__ = "user_role"
    __table_args__ = TABLE_OPTIONS

    user_id: Mapped[int] = mapped_column(
        sa.ForeignKey("user.id", ondelete="CASCADE"), primary_key=True
    )
    role_id: Mapped[int] = mapped_column(
        sa.ForeignKey("role.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
    granted_at: Mapped[datetime] = mapped_column(UTCDateTime)


class DailyCount(Model):
    """A figure of one day in UTC, as the worker last counted it."""

    __tablename__ = "daily_count"
    __table_args__ = TABLE_OPTIONS

    day: Mapped[date] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(key(32), primary_key=True)
    value: Mapped[int] = mapped_column(sa.BigInteger)
    counted_at: Mapped[datetime] = mapped_column(UTCDateTime)
