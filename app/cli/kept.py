"""What a downgrade keeps aside does not outlive whom it is about.

Accounts and the schema do not know each other: here somebody knows that the one needs the other.
"""

from datetime import timedelta

from app import jobs
from app.schema import kept

EVERY = timedelta(hours=1)


@jobs.periodic("schema.sweep_kept", every=EVERY)
def sweep_kept() -> None:
    kept.sweep()
