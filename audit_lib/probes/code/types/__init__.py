"""What a type checker knows: classes behind methods and attributes, and where None arrives.

``type_checker`` runs mypy on settings of ours; the others read its errors, or annotations, and
keep what is certain.
"""
