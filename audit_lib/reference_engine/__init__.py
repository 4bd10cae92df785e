"""A small, complete quant engine on real daily closes: the workbook's embedded subject.

It predicts, for twelve large US stocks, the return, direction and volatility of the next
trading week, turns the predictions into sized orders through risk gates, and keeps its model
versions in a registry.  Read ``README.md`` for a tour and ``PIPELINE_CONTRACT.md`` for what it
promises.

The package is self-contained: it imports nothing of the project around it, so it can be moved
elsewhere as it is.  ``python -m audit_lib.reference_engine build`` trains every version.
"""
