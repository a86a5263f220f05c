"""What the bot does: load, decide, record, queue."""
