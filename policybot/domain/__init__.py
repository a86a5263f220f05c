"""What the rules are: pure decisions, without I/O, clock or chance."""
