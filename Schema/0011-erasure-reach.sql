-- What an erasure reaches besides the log and the projections: answers that are kept for repeated requests. They are
-- sealed under the callers' own tokens, so nobody can look for a name in them; their text is emptied as a whole, and what
-- became of the requests (the status) stays.
SET ROLE docket_owner;

GRANT UPDATE (response) ON docket.idempotency_key TO docket_eraser;

RESET ROLE;
