"""Whose tokens they are: the key, the person, the plan, and what the service says of the account."""
