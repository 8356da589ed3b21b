"""What the service does for its callers: tests of servers, endpoints, batches, users and reports."""
