"""Input transforms: the named family, and any file that defines `transform(norm)`."""
