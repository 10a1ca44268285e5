"""Where models run: one file per kind."""
