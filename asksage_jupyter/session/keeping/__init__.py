"""Replies that are kept on this machine: by the hash of what was sent, for this person alone."""
