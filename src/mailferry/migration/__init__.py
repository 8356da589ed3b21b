"""What a migration is: endpoints, batches, users, their states and figures. Pure: no I/O."""
