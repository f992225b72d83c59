"""The numbers, each beside its limit: make bench, or python -m bench get post onboard deliver."""
