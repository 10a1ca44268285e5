"""The parent's side of the block library: extracts blocks, has them tried, shelves them."""
