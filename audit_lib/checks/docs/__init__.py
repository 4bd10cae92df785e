"""Documents say what the code and the artifacts say."""
