"""Screens of the staff: the people, what was done, what was mailed, and who may do what."""

from app.web.admin import (
    address,
    audit,
    dashboard,
    deactivation,
    mail,
    menu,
    new_user,
    reset_link,
    roles,
    system,
    user,
    user_roles,
    user_sessions,
    users,
    words,
)
from app.web.admin.blueprint import bp

bp.add_app_template_filter(menu.open_to, "staff_pages")
bp.add_app_template_filter(words.shown_name)
bp.add_app_template_filter(words.status, "person_badge")
bp.add_app_template_filter(words.lines, "lines_of_people")
bp.add_app_template_filter(words.mail_state, "mail_badge")
bp.add_app_template_filter(words.mail_kind)
bp.add_app_template_filter(words.event, "event_words")
bp.add_app_template_filter(words.details, "event_details")
bp.add_app_template_filter(words.actor, "actor_words")
bp.add_app_template_filter(system.backfill_badge)
bp.add_app_template_filter(system.run_badge)
bp.add_app_template_filter(system.how_far)
bp.add_app_template_filter(system.duration)

__all__ = [
    "address",
    "audit",
    "bp",
    "dashboard",
    "deactivation",
    "mail",
    "new_user",
    "reset_link",
    "roles",
    "system",
    "user",
    "user_roles",
    "user_sessions",
    "users",
]
