"""Roles: what their holders may do, and how many those are."""

from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts import role_definitions
from app.accounts import roles as rules
from app.accounts.errors import RoleRefused
from app.web.admin.blueprint import bp
from app.web.admin.forms import ActForm, CheckboxesField, NewRoleForm, RoleForm
from app.web.forms import choices
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import permissions, requires


@bp.get("/roles")
@requires("roles.grant")
def roles() -> str:
    return render_template(
        "admin/roles.html",
        roles=rules.all_roles(),
        words=rules.PERMISSIONS,
        administrator=rules.ADMINISTRATOR,
    )


@bp.route("/roles/new", methods=["GET", "POST"])
@requires("roles.grant", _l("Create the role"))
def new_role() -> Answer:
    form = NewRoleForm()
    offer(form.permissions)
    if form.validate_on_submit():
        try:
            role_definitions.create(form.name.data, form.permissions.data, by=actor())
        except RoleRefused as refusal:
            form.refuse(form.name, refusal)
        else:
            flash(_("Role created. Grant it on the page of a person."))
            return redirect(url_for("admin.roles"), 303)
    return form_page("admin/new_role.html", form)


@bp.route("/roles/<row_id:role_id>", methods=["GET", "POST"])
@requires("roles.grant", _l("Save the role"))
def role(role_id: int) -> Answer:
    found = standing(role_id)
    held = sorted(found.permissions)
    form = RoleForm(permissions=held, shown=held)
    offer(form.permissions)
    if form.validate_on_submit():
        try:
            wanted, shown = form.permissions.data, form.shown.data
            role_definitions.change(found.role, wanted, shown=shown, by=actor())
        except RoleRefused as refusal:
            form.refuse(form.permissions, refusal)
        else:
            flash(_("Role saved. It counts for everybody who holds it, from their next page."))
            return redirect(url_for("admin.roles"), 303)
    return form_page("admin/role.html", form, found=found)


@bp.route("/roles/<row_id:role_id>/deletion", methods=["GET", "POST"])
@requires("roles.grant", _l("Delete the role"))
def role_deletion(role_id: int) -> Answer:
    found, form = standing(role_id), ActForm()
    if form.validate_on_submit():
        try:
            role_definitions.delete(found.role, by=actor())
        except RoleRefused as refusal:
            form.form_errors.append(refusal.message)
        else:
            flash(_("Role deleted."))
            return redirect(url_for("admin.roles"), 303)
    return form_page("admin/role_deletion.html", form, found=found)


def standing(role_id: int) -> rules.Standing:
    """Return the role with this id, or answer 404."""
    found = (one for one in rules.all_roles() if one.role.id == role_id)
    return next(found, None) or abort(404)


def offer(field: CheckboxesField) -> None:
    """Offer what the viewer holds: nobody gives more than that."""
    field.choices = choices(
        (name, words) for name, words in rules.PERMISSIONS.items() if name in permissions()
    )
