"""One row on its way to an order.

``applied_scale`` measures what happens to a feature before the model sees it, ``heads`` names
what comes out, ``scored`` splits scores with outcomes. ``orders`` makes decisions show
themselves and ``accounts`` is the circumstance they are made in. ``options`` holds terms of
options and what is known of their prices without a model. ``learning``, ``lessons`` and
``deliveries`` are for learners that learn while they serve.
"""
