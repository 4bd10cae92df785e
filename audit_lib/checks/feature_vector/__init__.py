"""Feature vector: one schema, from training to live."""
