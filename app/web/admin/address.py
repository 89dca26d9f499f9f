"""Put somebody's address right, or take their word for it."""

from flask import flash, redirect, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app.accounts import lifecycle
from app.accounts.errors import AddressTaken, OwnAccount, StandsAlready
from app.web.admin.blueprint import bp
from app.web.admin.forms import AddressForm
from app.web.admin.user import within_reach
from app.web.guards import actor
from app.web.responses import Answer, form_page
from app.web.staff import requires


@bp.route("/users/<row_id:user_id>/address", methods=["GET", "POST"])
@requires("users.edit", _l("Set the address"))
def address(user_id: int) -> Answer:
    person = within_reach(user_id)
    claim = person.pending_email
    form = AddressForm(email=claim or person.email)
    if form.validate_on_submit():
        given, reason = form.email.data.strip(), form.reason.data
        try:
            if given == claim:
                lifecycle.confirm_address(person, given, by=actor(), reason=reason)
            else:
                lifecycle.correct_address(person, given, by=actor(), reason=reason)
        except (AddressTaken, OwnAccount, StandsAlready) as refusal:
            form.refuse(form.email, refusal)
        else:
            flash(_("Address set. It counts as confirmed."))
            return redirect(url_for("admin.user", user_id=user_id), 303)
    return form_page("admin/address.html", form, person=person)
