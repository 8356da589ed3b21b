"""Which pass runs next, and who runs it. Knows nothing of mail: a job is a user, a fence and a kind of pass."""
