"""What something contains: mechanical answers, never opinions."""
