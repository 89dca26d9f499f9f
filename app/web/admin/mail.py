"""The outbox: what was mailed to whom, and what became of it. Never what a mail says."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from app import mail as outbox
from app.web import login_flow
from app.web.admin.blueprint import bp
from app.web.admin.filters import MailFilters
from app.web.guards import actor
from app.web.responses import Answer
from app.web.staff import requires


@bp.get("/mail")
@requires("mail.view")
def mail() -> str:
    filters = MailFilters()
    page = outbox.search(
        state=filters.state.data, recipient_key=filters.recipient_key, cursor=filters.cursor
    )
    return render_template(
        "admin/mail.html", filters=filters, page=page, mail_is_off=outbox.is_off()
    )


@bp.post("/mail/<row_id:mail_id>/retry")
@requires("mail.view", _l("Try the mail now"))
def retry_mail(mail_id: int) -> Answer:
    if outbox.retry(mail_id, by=actor()):
        flash(_("The mail is tried again now."))
    else:
        flash(_("That mail does not wait for another try."), "warning")
    pressed_on = request.args.get("next", "")
    is_ours = login_flow.is_local(pressed_on)
    return redirect(pressed_on if is_ours else url_for("admin.mail"), 303)
