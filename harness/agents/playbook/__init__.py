"""The offline agent, seeded: moves, recipes, families of ideas; null and random as yardsticks."""
