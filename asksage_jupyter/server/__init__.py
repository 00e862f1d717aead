"""The Jupyter Server extension behind the sidebar: it reads the ledger, and hints that it changed."""
