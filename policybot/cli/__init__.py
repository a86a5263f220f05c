"""The command line, one module for each group of commands; `__main__` puts them together."""
