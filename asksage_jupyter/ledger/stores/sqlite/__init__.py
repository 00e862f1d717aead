"""A ledger in a file."""
