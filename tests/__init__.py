"""Tests, and the servers they run against."""
