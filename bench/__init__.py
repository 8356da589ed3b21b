"""Measures how fast mailboxes are copied, side by side with other tools and with the least that any tool must do."""
