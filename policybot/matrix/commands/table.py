"""Every command of the bot, in the order in which help lists them."""

from policybot.matrix.commands.command import Command
from policybot.matrix.commands.of_people import OF_PEOPLE
from policybot.matrix.commands.of_staff import OF_STAFF

COMMANDS: tuple[Command, ...] = (*OF_PEOPLE, *OF_STAFF)
