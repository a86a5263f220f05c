"""A private homeserver and a story, for people who try policybot."""
