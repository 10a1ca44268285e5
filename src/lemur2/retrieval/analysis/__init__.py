"""What a definition needs: its transitive closure."""
