"""What stands behind `flask db`: how the schema changes while the site is running.

run        one run at a time, on a connection of its own, in whole transactions
stages     expand, backfill, contract: read from the revisions; the gate before a contract
ddl        the operations that revisions call, the same on SQLite, PostgreSQL and MariaDB
backfill   rows moved in batches, stoppable at any moment, never over a live write
authoring  what `flask db migrate` and `flask db revision` write

Nothing here knows what the tables are about. A revision that has landed is never edited, so
what it calls keeps its name and its meaning: only what stands behind the name grows.
"""
