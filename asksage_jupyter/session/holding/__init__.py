"""Hold, send, settle: tokens set aside, and what becomes of them."""
