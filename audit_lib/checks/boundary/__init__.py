"""What crosses between parts of the repository, declared and measured."""
