"""The limit of a page (L1): a bare Flask view with a template of two lines, and nothing else."""

from flask import Flask, render_template

app = Flask(__name__)


@app.get("/")
def bare() -> str:
    return render_template("bare.html", title="Bare")
