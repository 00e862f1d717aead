"""How anything comes below a cell: replies while they arrive, receipts, and whatever a command says."""
