"""From a reply's text to a source file: pure functions."""
