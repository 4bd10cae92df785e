"""Splits: train rows know nothing of the rows they are judged on."""
