"""What each effect does, in words, for people who have to know that it could not be done."""

from collections import Counter
from collections.abc import Iterable

from policybot.domain import effects, list_rule, quarantine, room_measure, showing, taking
from policybot.domain.effects import Effect
from policybot.domain.room_measure import RoomMeasure
from policybot.domain.upgrade import FollowUpgrade

_NAMED = 5
"""Rooms in which the same is done to somebody and that are named each."""


def all_in_words(wanted: Iterable[Effect], *more: str) -> str:
    """Say what several effects do, as one list; a room is named where it comes up first, then «it»."""
    said, before = [], None
    listed = tuple(wanted)
    many = _everywhere(listed)
    for effect in listed:
        if _what(effect) in many:
            continue
        room_id, text = getattr(effect, "room_id", None), in_words(effect)
        if room_id and room_id == before:
            text = text.replace(f"the label of {room_id}", "its label").replace(room_id, "it")
        said.append(text)
        before = room_id
    said += [f"{verb} {who} {where} {number} rooms" for (verb, who, where), number in many.items()]
    return ", ".join([*said, *more])


def _what(effect: Effect) -> tuple[str, str, str] | None:
    """Name what is done to whom, if it is done room by room."""
    match effect:
        case effects.RestrictMember(_, user_id):
            return "restrict", user_id, "in"
        case effects.ExcludeMember(_, user_id):
            return "exclude", user_id, "from"
        case room_measure.DenyServer(_, server):
            return "shut", server, "out of"
        case room_measure.AdmitServer(_, server):
            return "admit", server, "to"
        case _:
            return None


def _everywhere(listed: Iterable[Effect]) -> dict[tuple[str, str, str], int]:
    """Count what is done to somebody in more rooms than can be named."""
    counted = Counter(what for effect in listed if (what := _what(effect)) is not None)
    return {what: number for what, number in counted.items() if number > _NAMED}


def in_words(effect: Effect) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
    """Say what an effect does, for people who have to know that it could not be done."""
    match effect:
        case effects.Say(room_id):
            return f"write in {room_id}"
        case effects.ShowCard(room_id, subject):
            return f"show in {room_id} how {subject} stands"
        case effects.Notify(user_id):
            return f"send a message to {user_id}"
        case effects.JoinRoom(room_id) | effects.TakeSeat(room_id):
            return f"enter {room_id}"
        case effects.KeepEvidence(room_id, event_id):
            return f"keep a copy of {event_id} in {room_id}"
        case effects.KeepContext(room_id, event_id, 0):
            return f"look at the files of {event_id} in {room_id}"
        case effects.KeepContext(room_id, event_id):
            return f"keep what stands around {event_id} in {room_id}"
        case effects.Redact(room_id, event_id):
            return f"remove {event_id} in {room_id}"
        case effects.FindMessages(room_id, user_id):
            return f"find what {user_id} has written in {room_id}"
        case effects.Restore(room_id, event_id):
            return f"post {event_id} in {room_id} again"
        case effects.RestrictMember(room_id, user_id):
            return f"restrict {user_id} in {room_id}"
        case effects.ReleaseMember(room_id, user_id):
            return f"release {user_id} in {room_id}"
        case effects.ExcludeMember(room_id, user_id):
            return f"exclude {user_id} from {room_id}"
        case effects.ReadmitMember(room_id, user_id):
            return f"readmit {user_id} to {room_id}"
        case _ if isinstance(effect, RoomMeasure):
            return room_measure.in_words(effect)
        case showing.Publish(room_id):
            return f"publish {room_id} in the directory"
        case showing.Unpublish(room_id):
            return f"take {room_id} out of the directory"
        case showing.SetLabel(room_id):
            return f"set the label of {room_id}"
        case showing.WithdrawLabel(room_id):
            return f"withdraw the label of {room_id}"
        case showing.AddAlias(room_id):
            return f"give {room_id} the alias by its record number"
        case showing.RemoveAlias(room_id):
            return f"take the alias by its record number from {room_id}"
        case showing.ShowTopicLine(room_id):
            return f"add a line to the topic of {room_id}"
        case showing.HideTopicLine(room_id):
            return f"take our line out of the topic of {room_id}"
        case showing.PinNotice(room_id):
            return f"pin a notice in {room_id}"
        case showing.UnpinNotice(room_id):
            return f"remove our notice in {room_id}"
        case effects.LearnAuthor(room_id, event_id):
            return f"read who has written {event_id} in {room_id}"
        case effects.LearnMore(room_id, event_id):
            return f"find out what rules ask about {event_id} in {room_id}"
        case effects.SuspendAccount(user_id):
            return f"suspend {user_id}"
        case effects.UnsuspendAccount(user_id):
            return f"end the suspension of {user_id}"
        case effects.LockAccount(user_id):
            return f"lock {user_id}"
        case effects.UnlockAccount(user_id):
            return f"unlock {user_id}"
        case effects.LearnName(user_id):
            return f"read the display name of {user_id}"
        case effects.SetProfileField(user_id):
            return f"show on the profile of {user_id} that they are verified"
        case effects.ClearProfileField(user_id):
            return f"take the verification off the profile of {user_id}"
        case quarantine.QuarantineMedia() | quarantine.UnquarantineMedia():
            return quarantine.in_words(effect)
        case _ if isinstance(effect, list_rule.PublicationEffect):
            return list_rule.in_words(effect)
        case FollowUpgrade(room_id, successor):
            return f"follow {room_id} into {successor}"
        case _:
            return taking.in_words(effect)
