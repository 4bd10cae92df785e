"""``python -m audit_lib.cli``: the command where no ``workbook`` is on the path."""

from audit_lib.cli import main

if __name__ == "__main__":
    main()
