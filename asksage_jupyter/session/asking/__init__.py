"""One question and its reply: priced, refused or sent, debited, told."""
