"""The ways a request can be refused, each with a sentence for the person who asked.

Refused
├── NotFound       there is no such thing, or not for you: one answer for both, on purpose
├── NotPermitted   it exists and you may know of it, but the act is not yours
├── OutOfOrder     the thing is not in a state in which this can be done
└── Incomplete     something that is required is missing
"""


class Refused(Exception):  # noqa: N818 - a refusal is an answer to a person, not an error
    """A request that is answered with a sentence instead of being carried out.

    It is raised before the first write, so whoever catches it has nothing to undo.
    """


class NotFound(Refused):
    """There is no such thing, or it is not the asker's to know of."""


class NotPermitted(Refused):
    """The act belongs to somebody else."""


class OutOfOrder(Refused):
    """The act is not possible in the present state."""


class Incomplete(Refused):
    """Something that the act requires is missing."""
