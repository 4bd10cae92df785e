"""Checkpoint: what a version's files must hold, and how they are kept."""
