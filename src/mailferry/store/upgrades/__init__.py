"""The steps from one form of the tables to the next (Alembic); `store/upgrade.py` runs them."""
