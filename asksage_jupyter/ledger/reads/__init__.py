"""What the ledger tells, each within one view of it."""
