"""The token meter for Ask Sage in Jupyter."""
