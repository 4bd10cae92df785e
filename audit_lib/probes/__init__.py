"""Instruments that checks share. Find yours by what it asks.

==============  ================================================================================
questions       hooks: one question, its answer, relations between answers, samples
code            the source, read and never run: calls, types, boundaries, leaks, key flow
market          builders of features and labels, asked about changed markets
labels          where labels begin and end, and the folds that split them
training        what the subject's own trainer does with rows, and what it recorded
prediction      one row on its way to an order: heads, scores, orders, prices, lessons
lifecycle       a version from its files to its end: checksums, registries, retraining
statistics      intervals and tests for rows that depend on each other
tryouts         written hooks, called once on small data before an audit
==============  ================================================================================

A check states a property; a probe measures, and never yields a finding.
"""
