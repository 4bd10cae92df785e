"""Faults planted in a subject's answers or copies of its files: what would an audit see?"""
