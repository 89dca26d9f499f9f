"""The people's tables on a page. Models answer questions; verbs change things."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import TABLE_OPTIONS, Model, UTCDateTime, big_id, key


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
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    created_at: Mapped[datetime | None] = mapped_column(UTCDateTime)  # unknown for those of 0001

    # What Flask-Login asks of somebody it has been given.
    is_authenticated = True
    is_active = True
    is_anonymous = False

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
