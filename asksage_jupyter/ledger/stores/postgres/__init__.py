"""The ledger on a PostgreSQL server. Its driver is imported where a server is asked for, and not before."""
