"""LEMUR 2: grow, screen, train and query a corpus of diverse neural networks."""

__version__ = "0.1.0"
