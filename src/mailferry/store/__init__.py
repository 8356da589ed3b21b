"""What the service remembers: endpoints, batches, users, claims, secrets and ledgers, in SQLite or PostgreSQL."""
