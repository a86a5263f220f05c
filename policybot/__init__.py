"""policybot: governed public rooms for a Matrix homeserver."""

__version__ = "0.1.0"
