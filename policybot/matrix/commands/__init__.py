"""The bot's commands: one table, and how a message finds its row."""
