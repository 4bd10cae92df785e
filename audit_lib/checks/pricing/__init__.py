"""Pricing: options, implied volatility and its surface."""
