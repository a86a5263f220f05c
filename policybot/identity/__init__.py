"""Where real-name records come from."""
