"""A closure put together as a module that stands alone."""
