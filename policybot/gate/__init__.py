"""Before delivery: the doors at which the homeserver asks, and the module that answers within it.

    door       policybot's side: gives the view to the module, hears what was refused (aiohttp)
    callbacks  policybot's side: answers synapse-http-antispam, request by request (aiohttp)
    module     the homeserver's side: what Synapse loads
    options    the homeserver's side: what operators write for it there
    client     the homeserver's side: how it reaches policybot
    link       the homeserver's side: keeps the copy of the view true, and tells what was refused
    tally      the homeserver's side: what was refused and is not told yet
    replica    the homeserver's side: the copy
    accounts   the homeserver's side: the part of it that is large
    judge      both sides: what is asked of a message and of a change of state
    wire       what travels between the two

What is on the homeserver's side imports `domain` and `matching` and nothing else of policybot's, so that
Synapse needs nothing but the engines that match; `module` and `client` alone know Synapse.
"""
