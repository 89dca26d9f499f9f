"""What somebody may do: the roles they hold."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts import lifecycle, roles
from app.accounts.errors import LastAdministrator, OwnRoles, RoleRefused
from app.web.admin.blueprint import bp
from app.web.admin.forms import UserRolesForm
from app.web.admin.user import within_reach
from app.web.forms import choices
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import permissions, requires


@bp.route("/users/<row_id:user_id>/roles", methods=["GET", "POST"])
@requires("roles.grant", _l("Save the roles"))
def user_roles(user_id: int) -> Answer:
    person = within_reach(user_id)
    offered = [one for one in roles.all_roles() if one.permissions <= permissions()]
    # By their ids: a name may have a space in it.
    names = {str(one.role.id): one.role.name for one in offered}
    held = roles.roles_of(person)
    form = UserRolesForm(roles=held, shown=[key for key, name in names.items() if name in held])
    form.roles.choices = choices((name, name) for name in names.values())
    if form.validate_on_submit():
        shown = {names[key] for key in form.shown.data if key in names}
        try:
            lifecycle.assign_roles(person, set(form.roles.data), shown=shown, by=actor())
        except (LastAdministrator, OwnRoles, RoleRefused) as refusal:
            form.refuse(form.roles, refusal)
        else:
            flash(_("Roles saved. They count from the next page that this person opens."))
            return redirect(url_for("admin.user", user_id=user_id), 303)
    return form_page("admin/user_roles.html", form, person=person)
