"""What ``benchmarks/size_power.py`` asks: worlds, and each check on data that are clean or not."""
