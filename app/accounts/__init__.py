"""The domain: what can happen to an account, as plain verbs. The map of this folder:

models          the people's tables on a page
errors          refusals, each with the words the person will read
names           how a name and an address are written, and how they are compared
hashing         one password, one hash: argon2id, and older formats until the next log-in
passwords       what a password must be; changing it
registration    how an account comes to be
addresses       a claim, its confirmation, and who an address belongs to
recovery        back in without the password: a mailed or printed link
expiry          claims and accounts that are let go unasked
tokens          secrets that are mailed, as digests
mails           one function per mail
authentication  who is at the door: a name or an address, and a password
sessions        the browsers that are logged in, as rows
confirmation    "confirm it's you" before a sensitive act, and what waits for it
roles           who may do what, and to whom
role_definitions  what a role is, and who may say so
lifecycle       what staff and the operator do to somebody's account
setup           the first administrator
directory       finding people
statistics      how many people, visits and sign-ups: counted by the worker

Flows (registration, lifecycle, …) use mechanisms (names, hashing, sessions, roles, tokens, mails),
never the reverse. Nothing here knows of a request: who acts comes in as `by`, and every change
leaves its line in the audit trail within its own transaction.
"""
