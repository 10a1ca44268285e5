"""What the verbs do, as functions: `lemur2.train`, `lemur2.grow`, `lemur2.predict`, ..."""
