"""Whether somebody may enter, invite, make a room, show it in the directory, name it, upload a file."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from policybot.domain import number, publishing
from policybot.domain.gate import curbed, missing, of_kind, standing, suspended
from policybot.domain.publishing import Obstacle
from policybot.domain.refusal import Code, Refusal
from policybot.domain.seen import File
from policybot.domain.view import Creation, View


def enters(view: View, room_id: str, user_id: str, now: datetime) -> Refusal | None:
    """Say why somebody may not enter a room; who is invited is no exception."""
    room, house = view.room(room_id), view.house
    if room is None or user_id == house.bot:
        return None
    account = view.account(user_id)
    curb = view.curb(room_id, user_id, now)
    if curb is not None and curb.excluded:
        return curbed(curb, house, account.language, Code.EXCLUDED)
    why = publishing.obstacle(account, view.bound(), named=True) if room.guarded else None
    if why is Obstacle.UNVERIFIED:
        return Refusal(Code.ENTRY, house.say(Code.ENTRY, account.language), house.pages.agreement)
    return None if why is None else missing(why, house, account.language)


def invites(view: View, room_id: str, user_id: str, now: datetime) -> Refusal | None:
    """Say why somebody may not invite others into a room: an invitation speaks for it."""
    room = view.room(room_id)
    if room is None or user_id == view.house.bot:
        return None
    return standing(view, room_id, user_id, room, view.account(user_id), now)


def changes(view: View, room_id: str, user_id: str, now: datetime) -> Refusal | None:
    """Say why somebody may change nothing in a room: a measure, or the room's suspension.

    Who has not verified or signed yet publishes nothing by it, and goes on looking after the room.
    """
    room = view.room(room_id)
    if room is None or user_id == view.house.bot:
        return None
    able = replace(view.account(user_id), verified=True, signed=view.bound())
    return standing(view, room_id, user_id, room, able, now)


def creates(view: View, user_id: str, wanted: Mapping[str, Any]) -> Refusal | None:
    """Say why somebody may not make a room; `wanted` is the body of the request (`createRoom`).

    Only rooms that everybody could enter or find are looked at: what else people make is theirs.
    """
    house = view.house
    if user_id == house.bot or house.creation is Creation.EVERYBODY or not is_open(wanted):
        return None
    account = view.account(user_id)
    if house.creation is Creation.VERIFIED and account.verified:
        return None
    verified = house.creation is Creation.VERIFIED
    code = Code.VERIFIED_CREATION if verified else Code.CREATION
    return Refusal(code, house.say(code, account.language), house.pages.register)


def is_open(wanted: Mapping[str, Any]) -> bool:
    """Say whether a room that is asked for (`createRoom`) is one that everybody could enter or find."""
    if wanted.get("visibility") == "public":
        return True
    rule = "public" if wanted.get("preset") == "public_chat" else "invite"
    state = wanted.get("initial_state")
    for event in state if isinstance(state, list) else ():
        if not isinstance(event, Mapping) or event.get("state_key", "") != "":
            continue  # it says nothing of the room
        if event.get("type") == "m.room.join_rules":
            content = event.get("content")
            rule = str(content.get("join_rule")) if isinstance(content, Mapping) else rule
    return rule == "public"


def lists(view: View, user_id: str, room_id: str = "") -> Refusal | None:
    """Say why somebody may not put a room into the list of public rooms, or take it out."""
    room, house, language = view.room(room_id), view.house, view.account(user_id).language
    if user_id == house.bot:
        return None
    if room is not None and room.limited:
        return suspended(house, language)
    if not house.listed:
        return None
    said = house.say(Code.DIRECTORY, language)
    return Refusal(Code.DIRECTORY, said, house.pages.register)


def names(view: View, user_id: str, localpart: str) -> Refusal | None:
    """Say why somebody may not give a room an address: it would be taken for a record number.

    Whoever can should give what the address looks like.
    """
    house, text = view.house, localpart.upper().lstrip("_").removeprefix("POLICYBOT_")
    looks = number.looks_like_record(text) or bool(number.near(text))
    ours = bool(house.prefix) and text.startswith(f"{house.prefix}-") and looks
    if not ours or user_id == house.bot:
        return None
    said = house.say(Code.ALIAS, view.account(user_id).language)
    return Refusal(Code.ALIAS, said, house.pages.register)


def uploads(view: View, file: File) -> Refusal | None:
    """Say why nobody may upload such a file, on the whole homeserver; by what is in it."""
    wanted, house = view.house.upload, view.house
    if wanted is None:
        return None
    kind = any(of_kind(file.kind, unwanted) for unwanted in wanted.kinds)
    large = wanted.larger_than is not None and file.size > wanted.larger_than
    if not (kind or large):
        return None
    said = house.say(Code.UPLOAD, "")
    return Refusal(Code.UPLOAD, said, house.pages.rules)
