"""Versioning: what is asked for is what is answered."""
