"""The database: where it is, its tables, its errors in plain words, who works on what."""
