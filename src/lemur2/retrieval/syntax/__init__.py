"""A file taken apart: statements, what they bind and read, the names in scope."""
