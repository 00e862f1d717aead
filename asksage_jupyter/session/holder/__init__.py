"""Whose tokens they are: the key, the person, and what the service says of the account."""
