"""What 0016 and 0018 put into a database that has lived: roles, and how each account came."""

from tests.schema.conftest import Schema

PEOPLE = {
    # name: created_at, pending_email, event, seen
    "tutorial": (None, None, None, None),
    "ghost": ("2026-05-01 10:00:00", "ghost@example.com", "user.registered", None),
    "regular": ("2026-05-01 10:00:00", None, "user.registered", "2026-11-02 12:30:00"),
    "given": ("2026-05-02 10:00:00", None, "user.created", None),
    "untold": ("2026-05-03 10:00:00", None, None, None),
}


def move_in(schema: Schema) -> None:
    for name, (created_at, claim, event, seen) in PEOPLE.items():
        schema.execute(
            'INSERT INTO "user" (name, created_at, pending_email) VALUES (:name, :at, :claim)',
            name=name,
            at=created_at,
            claim=claim,
        )
        id_ = schema.scalar('SELECT id FROM "user" WHERE name = :name', name=name)
        if event:
            schema.execute(
                "INSERT INTO audit_event (at, event, actor_kind, subject_id, details) "
                "VALUES ('2026-05-01 10:00:00', :event, 'visitor', :id, '{}')",
                event=event,
                id=id_,
            )
        for number, moment in enumerate(["2026-11-01 09:00:00", seen] if seen else []):
            schema.execute(
                "INSERT INTO user_session (user_id, digest, remembered, ip, user_agent, "
                "created_at, last_seen_at) VALUES (:id, :digest, :no, '::1', '', :at, :at)",
                id=id_,
                digest=f"{name}{number}",
                no=False,
                at=moment,
            )


def told(schema: Schema) -> dict[str, tuple[str, str, str]]:
    rows = schema.rows('SELECT name, origin, claimed_at, last_seen_at FROM "user"')
    return {name: (origin, day(claim), day(seen)) for name, origin, claim, seen in rows}


def day(moment: object) -> str:
    return str(moment)[:10]


def test_each_account_is_told_how_it_came(at_head: Schema) -> None:
    at_head.downgrade("0017")
    move_in(at_head)

    at_head.upgrade()

    assert told(at_head) == {
        "tutorial": ("tutorial", "None", "None"),
        "ghost": ("registration", "None", "2026-05-01"),
        "regular": ("registration", "None", "2026-11-02"),
        "given": ("operator", "None", "2026-05-02"),
        "untold": ("unknown", "None", "2026-05-03"),
    }


def test_what_is_known_is_not_told_again(at_head: Schema) -> None:
    at_head.downgrade("0017")
    move_in(at_head)
    at_head.execute("UPDATE \"user\" SET origin = 'staff' WHERE name = 'ghost'")

    at_head.upgrade()

    assert told(at_head)["ghost"] == ("staff", "None", "None")


def test_the_roles_stand_from_the_start_and_once(at_head: Schema) -> None:
    at_head.downgrade("0015")
    at_head.upgrade()

    assert at_head.rows("SELECT name FROM role ORDER BY name") == [("administrator",), ("support",)]
    of_support = at_head.rows(
        "SELECT permission FROM role_permission JOIN role ON role.id = role_id "
        "WHERE name = 'support' ORDER BY permission"
    )
    assert [permission for (permission,) in of_support] == [
        "audit.view",
        "mail.view",
        "users.edit",
        "users.view",
    ]
