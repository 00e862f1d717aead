"""Before anything is sent: which prompts there are, what they cost, and what a run before left."""
