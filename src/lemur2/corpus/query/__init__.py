"""The corpus as a table, and what is asked of it."""
