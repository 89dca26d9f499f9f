"""What 0021 puts into a database that has lived: by what a claimed address is found."""

from tests.schema.conftest import Schema

PEOPLE = {"alice": "Alice@Example.com", "zoe": "ZOE\u0308@example.com", "bob": None}
KEYS = {"alice": "alice@example.com", "zoe": "zo\u00eb@example.com", "bob": None}


def move_in(schema: Schema) -> None:
    """Write as the release before does, which knows no key."""
    for name, claim in PEOPLE.items():
        schema.execute(
            'INSERT INTO "user" (name, pending_email) VALUES (:name, :claim)',
            name=name,
            claim=claim,
        )


def keys(schema: Schema) -> dict[str, str | None]:
    return dict(map(tuple, schema.rows('SELECT name, pending_email_key FROM "user"')))


def test_each_claim_gets_its_key(schema: Schema) -> None:
    schema.upgrade("0019")
    move_in(schema)

    schema.upgrade()

    assert keys(schema) == KEYS


def test_what_the_release_before_does_meanwhile_is_found_by_the_next_run(schema: Schema) -> None:
    schema.upgrade("0021")
    move_in(schema)
    schema.execute("INSERT INTO \"user\" (name, pending_email_key) VALUES ('settled', 'x@y.z')")

    schema.downgrade("0020")
    schema.upgrade()

    assert keys(schema) == KEYS | {"settled": None}


def test_two_may_claim_the_same_address(schema: Schema) -> None:
    schema.upgrade()
    for name in ("alice", "bob"):
        schema.execute(
            'INSERT INTO "user" (name, pending_email, pending_email_key) '
            "VALUES (:name, 'a@b.example', 'a@b.example')",
            name=name,
        )

    assert set(keys(schema).values()) == {"a@b.example"}
