"""What a person changes of an account: the key, the plan, a request for more tokens."""
