"""The tables, their statements, and what one row becomes."""
