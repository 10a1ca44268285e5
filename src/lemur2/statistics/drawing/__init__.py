"""Pictures of tables: matplotlib without global state. Nothing here computes or writes."""
