"""Labels and folds.

``label_facts`` gathers what a subject says about its labels. ``label_reach`` measures which
labels read bars after a date, row by row; ``alignment`` which bars' prices they read;
``barriers`` computes labels of first touch again. ``folds`` reads a splitter or a recorded
table on the calendar, with the reach of the labels.
"""
