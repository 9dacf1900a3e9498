"""The museum: tricks, honest oddities and broken programs that the scorer is tried against."""
