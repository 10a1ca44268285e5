"""Generators by name."""
