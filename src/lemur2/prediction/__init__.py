"""What comes out of a corpus: trained networks that predict, are scored again, and are packed."""
