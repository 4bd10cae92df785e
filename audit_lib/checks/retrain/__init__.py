"""Retrain: when a model is due."""
