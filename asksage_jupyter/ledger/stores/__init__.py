"""Where a ledger lies and how it is opened: a SQLite file or a PostgreSQL database."""
