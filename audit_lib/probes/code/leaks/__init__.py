"""Later rows on their way to a feature or across a split, in the text.

``later_rows`` and ``whole_sample`` know spellings, ``leak_patterns`` places, ``shift_flow`` names
and arguments behind a shift, and ``fit_flow`` a fit in one function with the split in another.
``suspicions`` holds what was found against the measured influence of the builder.
"""
