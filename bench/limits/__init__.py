"""What the machine allows: the smallest programs that do the same kind of work."""
