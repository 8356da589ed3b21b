"""The contract of `mailferry.backends.base`, clause by clause, for every backend in `backends.py`."""
