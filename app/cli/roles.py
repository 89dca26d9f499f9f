"""flask role …: who may do what, by the same verbs as the pages."""

import click

from app.accounts import roles as rules
from app.audit import Actor
from app.cli.common import Commands, as_json, as_line, called, person, printable, tell

roles = Commands("role", help="List roles, grant one, take one away.")


@roles.command("list")
@as_json
def list_(as_json: bool) -> None:
    """List the roles, how many hold each, and what it lets them do."""
    for role, permissions, holders in rules.all_roles():
        if as_json:
            row = {"name": role.name, "holders": holders, "permissions": sorted(permissions)}
            click.echo(as_line(row))
        else:
            listed = "everything" if permissions == rules.ALL else ", ".join(sorted(permissions))
            click.echo(f"{printable(role.name):<20}  {holders:>8}  {listed}")


@roles.command()
@click.argument("who")
@click.argument("role")
@as_json
def grant(who: str, role: str, as_json: bool) -> None:
    """Give somebody a role. Example: flask role grant ada administrator"""
    user = person(who)
    is_new = rules.grant(user, role, by=Actor.operator())
    words = f"{called(user)} {'holds' if is_new else 'held already'}: {printable(role)}"
    tell(words, as_json, id=user.id, role=role, changed=is_new)


@roles.command()
@click.argument("who")
@click.argument("role")
@as_json
def revoke(who: str, role: str, as_json: bool) -> None:
    """Take a role from somebody, at once. Example: flask role revoke ada support"""
    user = person(who)
    did_hold = rules.revoke(user, role, by=Actor.operator())
    words = f"{called(user)} {'no longer holds' if did_hold else 'did not hold'}: {printable(role)}"
    tell(words, as_json, id=user.id, role=role, changed=did_hold)
