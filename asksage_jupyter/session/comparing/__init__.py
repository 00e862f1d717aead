"""One prompt to several models, held as a whole and sent at once."""
