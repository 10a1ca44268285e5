"""Validated blocks, kept and searched."""
