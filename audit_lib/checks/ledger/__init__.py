"""Every line accounted for, every finding closed."""
