"""Instruments that checks share: metamorphic relations and measurements of behaviour."""
