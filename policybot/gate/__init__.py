"""Before delivery: the doors at which the homeserver asks, and the module that answers within it.

    door       policybot's side: gives the view to the module, hears what was refused (aiohttp)
    callbacks  policybot's side: answers synapse-http-antispam, request by request (aiohttp)
    module     the homeserver's side: what Synapse loads
    link       the homeserver's side: keeps the copy of the view true
    replica    the homeserver's side: the copy
    judge      both sides: what is asked of a message and of a change of state
    wire       what travels between the two

`module`, `link`, `replica`, `judge` and `wire` import `domain` and `matching` and nothing else, so that
Synapse needs nothing of policybot's but the engines that match.
"""
