"""What is known of all sources: files, symbols, where a name leads, which classes are blocks."""
