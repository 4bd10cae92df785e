"""Neural: the neural head."""
