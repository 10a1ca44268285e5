"""Rows of the tables, read and written in open transactions, and the values that they become."""
