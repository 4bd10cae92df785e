"""Target label: what a label reads, and what it says."""
