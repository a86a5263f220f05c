"""What each effect does, in words, for people who have to know that it could not be done."""

from policybot.domain import room_measure, taking
from policybot.domain.effects import (
    ClearProfileField,
    Effect,
    ExcludeMember,
    JoinRoom,
    KeepEvidence,
    LearnAuthor,
    LearnName,
    Notify,
    ReadmitMember,
    Redact,
    ReleaseMember,
    Restore,
    RestrictMember,
    Say,
    SetProfileField,
    ShowCard,
    SuspendAccount,
    TakeSeat,
    UnsuspendAccount,
)
from policybot.domain.room_measure import (
    CloseRoom,
    FreezeRoom,
    QuietRoom,
    ReopenRoom,
    UnfreezeRoom,
    UnquietRoom,
)
from policybot.domain.showing import (
    AddAlias,
    HideTopicLine,
    PinNotice,
    Publish,
    RemoveAlias,
    SetLabel,
    ShowTopicLine,
    UnpinNotice,
    Unpublish,
    WithdrawLabel,
)


def in_words(effect: Effect) -> str:  # noqa: C901, PLR0911, PLR0912 - one line for each effect
    """Say what an effect does, for people who have to know that it could not be done."""
    match effect:
        case Say(room_id):
            return f"write in {room_id}"
        case ShowCard(room_id, subject):
            return f"show in {room_id} how {subject} stands"
        case Notify(user_id):
            return f"send a message to {user_id}"
        case JoinRoom(room_id) | TakeSeat(room_id):
            return f"enter {room_id}"
        case KeepEvidence(room_id, event_id):
            return f"keep a copy of {event_id} in {room_id}"
        case Redact(room_id, event_id):
            return f"remove {event_id} in {room_id}"
        case Restore(room_id, event_id):
            return f"post {event_id} in {room_id} again"
        case RestrictMember(room_id, user_id):
            return f"restrict {user_id} in {room_id}"
        case ReleaseMember(room_id, user_id):
            return f"release {user_id} in {room_id}"
        case ExcludeMember(room_id, user_id):
            return f"exclude {user_id} from {room_id}"
        case ReadmitMember(room_id, user_id):
            return f"readmit {user_id} to {room_id}"
        case QuietRoom() | UnquietRoom() | FreezeRoom() | UnfreezeRoom() | CloseRoom() | ReopenRoom():
            return room_measure.in_words(effect)
        case Publish(room_id):
            return f"publish {room_id} in the directory"
        case Unpublish(room_id):
            return f"take {room_id} out of the directory"
        case SetLabel(room_id):
            return f"set the label of {room_id}"
        case WithdrawLabel(room_id):
            return f"withdraw the label of {room_id}"
        case AddAlias(room_id):
            return f"give {room_id} the alias by its record number"
        case RemoveAlias(room_id):
            return f"take the alias by its record number from {room_id}"
        case ShowTopicLine(room_id):
            return f"add a line to the topic of {room_id}"
        case HideTopicLine(room_id):
            return f"take our line out of the topic of {room_id}"
        case PinNotice(room_id):
            return f"pin a notice in {room_id}"
        case UnpinNotice(room_id):
            return f"remove our notice in {room_id}"
        case LearnAuthor(room_id, event_id):
            return f"read who has written {event_id} in {room_id}"
        case SuspendAccount(user_id):
            return f"suspend {user_id}"
        case UnsuspendAccount(user_id):
            return f"end the suspension of {user_id}"
        case LearnName(user_id):
            return f"read the display name of {user_id}"
        case SetProfileField(user_id):
            return f"show on the profile of {user_id} that they are verified"
        case ClearProfileField(user_id):
            return f"take the verification off the profile of {user_id}"
        case _:
            return taking.in_words(effect)
