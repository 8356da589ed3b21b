"""Ring 1: the IMAP client protocol (RFC 3501 and its extensions), bytes in and events out."""
