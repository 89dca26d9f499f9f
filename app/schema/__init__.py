"""What stands behind `flask db`: how the schema changes while the site is running.

What a revision calls:
ddl          the operations, each in the safe form of SQLite, PostgreSQL and MariaDB; behind it
             stand engine, indexes, tighten, triggers, rebuild and kept
backfill     rows moved in batches, stoppable at any moment, never over a live write; progress
stages       expand, backfill, contract: read from the revisions; the gate before a contract

How it is run:
run          one run at a time, on a connection of its own, in whole transactions; locks
state        our own two tables: what ran, and how far each backfill is
cli          the commands, beside Flask-Migrate's own; status, troubles (errors, in sentences)

What helps a developer:
authoring    what `flask db migrate` and `flask db revision` write; chain, pages, operations
plan, lint   what pending steps will do; what is dangerous in revision files (reading)
verify       every revision up, down and up again; proof (the release before still works), drift

Nothing here knows what the tables are about. A revision that has landed is never edited, so
what it calls keeps its name and its meaning: only what stands behind the name grows.
"""
