"""The Matrix side: events in, commands, and the homeserver that effects are performed on."""
