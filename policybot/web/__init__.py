"""The web side: pages for members, by one-time link."""
