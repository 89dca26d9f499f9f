"""What every answer says to the browser. Closed, and without a word of inline code or style."""

from flask import Flask, Response, current_app, request

from app.web import guards, static_files

CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    ]
)

ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # no-referrer makes the Origin of a page's own forms "null"; guards.secret_address bears that.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
TWO_YEARS = 2 * 365 * 24 * 60 * 60  # seconds


def init_app(app: Flask) -> None:
    app.after_request(add)


def add(response: Response) -> Response:
    there = {name for name, _ in response.headers}  # looked through once, and not for each
    response.headers.extend([pair for pair in ALWAYS.items() if pair[0] not in there])
    if guards.has_secret_address(request.endpoint):
        response.headers["Referrer-Policy"] = "no-referrer"
    if current_app.config["SESSION_COOKIE_SECURE"]:
        response.headers["Strict-Transport-Security"] = f"max-age={TWO_YEARS}; includeSubDomains"
    if request.endpoint != "static" or response.status_code >= 400:
        # Every page holds a CSRF value or somebody's account; none belongs in any cache. Nor does
        # the page that says that a file is missing.
        response.headers["Cache-Control"] = "no-store"
    else:
        static_files.keep(response)
    return response
