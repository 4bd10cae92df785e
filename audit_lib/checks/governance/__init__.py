"""Governance: who becomes champion."""
