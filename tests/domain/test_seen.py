"""What people see of an event is what is read, and nothing that can be sent makes it fail."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.domain.seen import NOTHING, asks_the_bot, counts, publishes, seen, subject

MESSAGE = "m.room.message"


def texts(content: dict[str, Any], kind: str = MESSAGE) -> tuple[str, ...]:
    return seen(kind, content).texts


def test_a_plain_message_is_its_text() -> None:
    assert texts({"msgtype": "m.text", "body": "Hello"}) == ("Hello",)


def test_captions_and_file_names_are_seen() -> None:
    content = {"msgtype": "m.image", "body": "A caption", "filename": "name.png", "url": "mxc://a/b"}
    found = seen(MESSAGE, content)
    assert found.texts == ("A caption", "name.png")
    assert found.files == 1


def test_the_small_picture_of_a_file_is_no_second_file() -> None:
    content = {
        "msgtype": "m.image",
        "body": "a.png",
        "file": {"url": "mxc://example.org/a"},
        "info": {"thumbnail_file": {"url": "mxc://example.org/b"}},
    }
    assert seen(MESSAGE, content).files == 1


def test_a_gallery_has_as_many_files_as_it_shows() -> None:
    items = [{"itemtype": "m.image", "url": f"mxc://a/{n}", "body": f"n{n}"} for n in range(4)]
    assert seen(MESSAGE, {"msgtype": "m.gallery", "body": "g", "itemtypes": items}).files == 4


def test_an_edit_is_read_as_what_it_becomes_and_as_older_clients_show_it() -> None:
    content = {
        "msgtype": "m.text",
        "body": "* new",
        "m.new_content": {"msgtype": "m.text", "body": "new"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
    }
    assert texts(content) == ("new",)
    assert texts(content | {"body": "* other"}) == ("new", "* other")


def test_the_quotation_of_a_reply_is_dropped_and_any_other_is_kept() -> None:
    reply = {"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}
    body = "> <@lea:example.org> said this\n> and that\n\nNo"
    assert texts({"msgtype": "m.text", "body": body} | reply) == ("No",)
    assert texts({"msgtype": "m.text", "body": body}) == (body,)
    own = "> frobnitz\n\nNo"
    assert texts({"msgtype": "m.text", "body": own} | reply) == (own,), "people see it"


REPLY = {"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}
HIDDEN = "> <@lea:example.org> frobnitz"


@pytest.mark.parametrize(
    "relation",
    [
        {"m.in_reply_to": None},
        {"m.in_reply_to": {}},
        {"m.in_reply_to": {"event_id": 5}},
        {"m.in_reply_to": {"event_id": "x"}},
        {"rel_type": "m.thread", "is_falling_back": True, "m.in_reply_to": {"event_id": "$x"}},
    ],
)
def test_what_is_no_reply_has_no_quotation_to_hide_something_in(relation: dict[str, Any]) -> None:
    content = {"msgtype": "m.text", "body": f"{HIDDEN}\n\nNo", "m.relates_to": relation}
    assert "frobnitz" in texts(content)[0]
    marked = {"body": "No", "formatted_body": "<mx-reply>frobnitz</mx-reply>No"}
    assert "frobnitz" in texts(marked)[1]
    assert "frobnitz" in texts(marked | {"m.relates_to": relation})[1]


@pytest.mark.parametrize(
    "text",
    ["\u202eztinborf", "a \u202eztinborf\u202c b", "\u202e ztinborf\nb", "\u202ea\u2067 ztinborf\u2069"],
)
def test_what_is_written_backwards_and_shown_forwards_is_read_as_it_is_shown(text: str) -> None:
    for content in ({"body": text}, {"msgtype": "m.text", "body": text}, {"formatted_body": text}):
        assert any("frobnitz" in read for read in texts(content))
        assert text in texts(content)
    assert texts({"msgtype": "m.text", "body": "\u202eab"}) == ("\u202eab", "ba")


def test_who_says_nothing_but_a_quotation_says_the_quotation() -> None:
    assert texts({"msgtype": "m.text", "body": HIDDEN} | REPLY) == (HIDDEN,)
    marked = "<mx-reply>frobnitz</mx-reply><p> </p>"
    assert "frobnitz" in texts({"body": "No", "formatted_body": marked} | REPLY)[1]
    later = "No<mx-reply>frobnitz</mx-reply>"
    assert "frobnitz" in texts({"body": "No", "formatted_body": later} | REPLY)[1]


@pytest.mark.parametrize(
    "junk",
    [[0] * 20_000, [{"x": 1}] * 5_000, [["x"]] * 5_000, {str(n): str(n) for n in range(5_000)}],
    ids=["numbers", "maps", "lists", "words"],
)
def test_nothing_is_hidden_behind_what_nobody_sees(junk: object) -> None:
    assert texts({"junk": junk, "msgtype": "m.text", "body": "frobnitz"}) == ("frobnitz",)
    poll = {"junk": junk, "question": {"m.text": [{"body": "frobnitz"}]}}
    assert texts({"m.poll": poll}, "m.poll.start") == ("frobnitz",)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("m.room.topic", {"topic": "a", "m.topic": {"m.text": [{"body": "frobnitz"}]}}),
        ("m.poll.end", {"m.text": [{"body": "frobnitz"}]}),
        ("org.matrix.msc3381.poll.end", {"body": "frobnitz"}),
        ("org.matrix.msc3672.beacon_info", {"description": "frobnitz", "live": True}),
        ("m.beacon", {"m.location": {"uri": "geo:1,1", "description": "frobnitz"}}),
        ("m.message", {"m.text": [{"mimetype": "text/plain", "body": "frobnitz"}]}),
        ("org.example.note", {"org.matrix.msc1767.text": "frobnitz"}),
        (MESSAGE, {"m.text": [{"mimetype": "text/html", "body": "frob<b>nitz</b>"}]}),
    ],
)
def test_whatever_some_client_shows_is_read(kind: str, content: dict[str, Any]) -> None:
    assert "frobnitz" in texts(content, kind)
    assert kind == "m.room.topic" or publishes(kind, content)


@pytest.mark.parametrize("key", ["m.poll", "org.matrix.msc3381.poll.start"])
def test_a_poll_is_its_question_and_its_answers(key: str) -> None:
    text = "m.text" if key == "m.poll" else "org.matrix.msc1767.text"
    poll = {key: {"question": {text: "Which?"}, "answers": [{text: "Tea"}, {"id": "2", text: "Milk"}]}}
    assert set(texts(poll, "m.poll.start")) == {"Which?", "Tea", "Milk"}


def test_the_new_form_of_texts_is_read() -> None:
    poll = {"m.poll": {"question": {"m.text": [{"body": "Which?"}, {"body": "<b>Which</b>?"}]}}}
    assert "Which?" in texts(poll, "m.poll.start")


def test_reactions_names_and_topics_are_seen() -> None:
    assert texts({"m.relates_to": {"key": "wibble"}}, "m.reaction") == ("wibble",)
    assert texts({"name": "wibble"}, "m.room.name") == ("wibble",)
    assert texts({"topic": "wibble"}, "m.room.topic") == ("wibble",)
    assert texts({"membership": "join", "displayname": "wibble"}, "m.room.member") == ("wibble",)


def test_people_who_are_mentioned_are_counted_once() -> None:
    content = {
        "msgtype": "m.text",
        "body": "a",
        "formatted_body": '<a href="https://matrix.to/#/@lea:example.org">Lea</a>'
        '<a href="https://matrix.to/#/%40tom%3Aexample.org">Tom</a>',
        "m.mentions": {"user_ids": ["@lea:example.org", 5, None], "room": True},
    }
    assert seen(MESSAGE, content).mentions == 3


def test_an_event_of_another_kind_says_nothing() -> None:
    assert seen("m.room.power_levels", {"body": "x"}) == NOTHING
    assert seen(None, {"body": "x"}) == NOTHING
    assert seen(["m.room.message"], {"body": "x"}) == NOTHING
    assert seen("m.call.candidates", {"call_id": "x", "candidates": [{"candidate": "x"}]}) == NOTHING
    assert seen(MESSAGE, None) == NOTHING


def test_depth_and_number_are_bounded() -> None:
    deep: Any = {"body": "frobnitz"}
    for _ in range(5000):
        deep = {"x": deep}
    assert texts({"msgtype": "m.text", "body": "a", "y": deep}) == ("a",)
    wide = {"msgtype": "m.text", "body": "a", "many": [{"body": f"b{n}"} for n in range(50_000)]}
    assert texts(wide)[:2] == ("a", "b0")
    assert len(texts(wide)) <= 65_536


_KEYS = st.sampled_from(
    [
        "body",
        "msgtype",
        "formatted_body",
        "format",
        "m.new_content",
        "m.relates_to",
        "m.in_reply_to",
        "key",
        "m.mentions",
        "user_ids",
        "room",
        "url",
        "m.text",
        "m.poll",
        "answers",
        "filename",
        "name",
        "topic",
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KEYS | st.text(), inner, max_size=5),
    max_leaves=20,
)
_KINDS = st.sampled_from(
    [MESSAGE, "m.sticker", "m.reaction", "m.poll.start", "m.room.name", "m.room.topic", "m.room.member"]
)


@given(_KINDS, st.dictionaries(_KEYS, _JSON, max_size=8))
def test_whatever_is_sent_is_read_without_fault(kind: str, content: dict[str, Any]) -> None:
    found = seen(kind, content)
    for text in found.texts + found.targets:
        assert isinstance(text, str)
        text.encode()
    assert found.mentions >= 0


# A post of its own, a bare command, a declared subject ------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content", "expected"),
    [
        (MESSAGE, {"msgtype": "m.text", "body": "Hello"}, True),
        (MESSAGE, {"msgtype": "m.image", "url": "mxc://x/y"}, True),
        ("m.sticker", {"body": "a cat"}, True),
        ("m.room.encrypted", {"ciphertext": "…"}, True),
        ("m.poll.start", {"m.poll": {}}, True),
        ("org.matrix.msc3381.poll.start", {}, True),
        (MESSAGE, {"body": "Hi", "m.relates_to": {"rel_type": "m.thread", "event_id": "$e"}}, True),
        (MESSAGE, {"m.relates_to": {"rel_type": "m.replace"}, "m.new_content": {"body": "Hi"}}, False),
        (MESSAGE, {"body": "* Hi", "m.relates_to": {"rel_type": "m.replace", "event_id": "$e"}}, True),
        ("m.room.encrypted", {"m.relates_to": {"rel_type": "m.replace"}}, False),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "key": "+"}}, False),
        ("m.poll.response", {"m.relates_to": {"rel_type": "m.reference"}}, False),
        ("m.room.redaction", {"redacts": "$e"}, False),
        ("org.example.note", {"m.text": [{"body": "Hi"}]}, True),
        ("m.call.candidates", {"candidates": [{"candidate": "x"}]}, False),
        ("m.poll.end", {"m.text": [{"body": "It ends"}]}, False),
        ("m.room.topic", {"topic": "Gardens"}, False),
        (["m.room.message"], {"body": "Hi"}, False),
        (MESSAGE, "Hi", False),
    ],
)
def test_what_is_a_post_of_its_own(kind: object, content: object, expected: bool) -> None:
    assert counts(kind, content) is expected


COMMAND = {"msgtype": "m.text", "body": "!policy verify"}


@pytest.mark.parametrize("body", ["!policy", "!policy verify", "!policy me", "!policy help"])
def test_a_bare_command_asks_the_bot_and_shows_nothing_else(body: str) -> None:
    assert asks_the_bot({"msgtype": "m.text", "body": body})
    assert asks_the_bot({"msgtype": "m.text", "body": body, "m.mentions": {}})


@pytest.mark.parametrize(
    "changes",
    [
        {"body": "!policy verify 123"},
        {"body": "!policy  verify"},
        {"body": "!policy verify\n"},
        {"body": " !policy verify"},
        {"body": "!policy v"},
        {"body": "!policy frobnitz"},
        {"body": "!policy abcdefghijklm"},
        {"body": "!policy Verify"},
        {"body": "!policy vérify"},
        {"body": "!policy ver1fy"},
        {"body": "!policyverify"},
        {"body": ["!policy verify"]},
        {"body": None},
        {"msgtype": "m.notice"},
        {"msgtype": None},
        {"formatted_body": "<b>Buy my spades</b>", "format": "org.matrix.custom.html"},
        {"m.new_content": {"body": "Buy my spades"}},
        {"m.text": [{"body": "Buy my spades"}]},
        {"org.example.caption": "Buy my spades"},
        {"m.mentions": {"user_ids": ["@lea:x"]}},
        {"m.mentions": []},
        {"m.relates_to": {"rel_type": "m.replace", "event_id": "$e"}},
        {"url": "mxc://x/y"},
    ],
)
def test_whatever_can_be_read_beside_it_is_no_bare_command(changes: dict[str, Any]) -> None:
    assert not asks_the_bot(COMMAND | changes)
    assert not asks_the_bot("!policy verify")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"org.policybot.subject": "medical"}, "medical"),
        ({"org.policybot.subject": "Medical"}, None),
        ({"org.policybot.subject": "a" * 41}, None),
        ({"org.policybot.subject": ""}, None),
        ({"org.policybot.subject": ["medical"]}, None),
        ({"org.policybot.subject": {"medical": 1}}, None),
        ({"org.policybot.subject": 1}, None),
        ({"body": "medical"}, None),
        ({"m.new_content": {"org.policybot.subject": "legal"}}, "legal"),
        ({"org.policybot.subject": "medical", "m.new_content": {"body": "Hi"}}, "medical"),
        (
            {"org.policybot.subject": "medical", "m.new_content": {"org.policybot.subject": "legal"}},
            "legal",
        ),
        ([], None),
        (None, None),
    ],
)
def test_an_author_declares_a_subject_and_wrong_types_are_nothing(
    content: object, expected: str | None
) -> None:
    assert subject(content) == expected


@given(
    st.text() | st.none(),
    st.recursive(
        st.none() | st.booleans() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "msgtype",
                        "body",
                        "m.relates_to",
                        "m.new_content",
                        "m.mentions",
                        "rel_type",
                        "org.policybot.subject",
                    ]
                ),
                inner,
            )
        ),
    ),
)
def test_nothing_that_can_be_sent_makes_these_fail(kind: object, content: object) -> None:
    assert counts(kind, content) in (True, False)
    assert asks_the_bot(content) in (True, False)
    assert subject(content) is None or isinstance(subject(content), str)
