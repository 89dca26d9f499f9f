"""What servers serve: run:app. `python run.py` serves it for development, worker included."""

import gc

from flask.cli import load_dotenv
from werkzeug.utils import import_string

from app import create_app

load_dotenv()  # as the flask command does
app = create_app()
gc.freeze()  # what stands now lives as long as the process: looking through it stops a page

if __name__ == "__main__":
    import_string("app.cli.develop:main")(app, create_app)
