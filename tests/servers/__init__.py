"""Private mail servers for the tests: unpacked packages, run as one ordinary user on 127.0.0.1."""
