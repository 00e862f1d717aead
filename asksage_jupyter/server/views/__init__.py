"""What the sidebar asks, read from one kept view of the ledger: account, months, notebooks, prices."""
