"""Words are found as people read them, and only as whole words where words have spaces."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policybot.matching.fold import folded, lookalike, visible
from policybot.matching.terms import Terms


def found(text: str, *words: str) -> list[str]:
    """List the places where one of the words is found, as they are compared."""
    view = folded(text)
    return [view[begin:end] for _, begin, end in Terms({0: words}).find(text)]


def hits(text: str, *words: str) -> bool:
    return bool(found(text, *words))


@pytest.mark.parametrize(
    "text",
    [
        "frobnitz",
        "FROBNITZ!",
        "a (frobnitz).",
        "«Frobnitz»",
        "fro\u200bbn\u00aditz",
        "\u202efrobnitz\u202c",
        "fro\x81b\x9fnitz",
        "fro\ufff9b\ufffbnitz",
        "fro\U00013430bnitz",
        "fr\u043ebnitz",  # Cyrillic
        "\uff46\uff52\uff4f\uff42\uff4e\uff49\uff54\uff5a",  # fullwidth
        "\U0001d41f\U0001d42b\U0001d428\U0001d41b\U0001d427\U0001d422\U0001d42d\U0001d433",  # bold
        "f\u0336r\u0336o\u0336b\u0336n\u0336i\u0336t\u0336z\u0336",  # struck through
        "f\u0300\u0301\u0302robnitz",
        "fro\U000e0041bnitz",  # a tag that nobody sees
        "fro\ufe0fbnitz",
        "fro\x00bnitz",
        "我frobnitz你",
        "@frobnitz",
        "frobnitz\nfrobnitz",
    ],
)
def test_a_word_is_found_however_it_is_written(text: str) -> None:
    assert hits(text, "frobnitz")


@pytest.mark.parametrize(
    "text", ["frobnitzes", "unfrobnitz", "frobnitz_2", "frobnitzé", "frob nitz", ""]
)
def test_a_word_within_another_is_another(text: str) -> None:
    assert not hits(text, "frobnitz")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("昨天下雨了吗", "下雨"),
        ("今日は雨が降っています", "雨が"),
        ("오늘 비가온다", "비가"),
        ("วันนี้ฝนตกหนัก", "ฝนตก"),
        ("ＡＢＣ下雨", "下雨"),
    ],
)
def test_where_words_have_no_spaces_they_are_found_anywhere(text: str, word: str) -> None:
    assert hits(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Дождливый день", "дождливый"),
        ("ΒΡΟΧΉ σήμερα", "βροχή"),
        ("יום גשום", "גשום"),
        ("يوم ممطر", "ممطر"),
        ("बारिश हुई", "बारिश"),
        ("Regen in der Straße", "STRASSE"),
        ("İstanbul", "istanbul"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_words_of_all_scripts_are_found(text: str, word: str) -> None:
    assert hits(text, word)
    assert not hits(f"{word}क", word), "a letter more is another word"


def test_a_latin_word_is_not_taken_for_a_cyrillic_one_of_the_same_looks() -> None:
    cyrillic = "\u0441\u043e\u0440"  # reads like «cop»
    assert not hits("a cop in the garden", cyrillic)
    assert hits(f"a {cyrillic} in the garden", cyrillic)
    assert hits("a c\u043e\u0440 in the garden", cyrillic), "where letters are mixed, it is one"


def test_phrases_overlapping_and_nested_words_are_all_found() -> None:
    assert found("the red spade shop", "red spade", "spade shop", "spade", "red") == [
        "red",
        "red spade",
        "spade",
        "spade shop",
    ]
    assert hits("cat foods", "cat", "cat food"), "the longer one is none, the shorter one is"


def test_a_word_can_have_several_owners() -> None:
    terms = Terms({1: ["frobnitz"], 2: ["Frobnitz", "frobnitz"], 3: ["wibble"]})
    assert sorted(owner for owner, _, _ in terms.find("frobnitz")) == [1, 2]


@pytest.mark.parametrize("word", ["", "  ", "\u200b", "...", "-", "\u0301"])
def test_a_word_that_says_nothing_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match="is no word"):
        Terms({0: [word]})


def test_a_sign_is_a_word() -> None:
    assert hits("Hello 🍄!", "🍄")


@pytest.mark.parametrize("begin", [0, 4090, 4095, 4096, 8191, 60_000])
def test_a_word_in_a_long_text_is_found_once_wherever_it_stands(begin: int) -> None:
    text = "x " * (begin // 2) + "frobnitz" + " y" * 3000
    assert found(text, "frobnitz", "a much longer phrase of many words") == ["frobnitz"]


def test_a_text_of_one_word_over_and_over_gives_no_more_than_are_counted() -> None:
    assert len(found("ab " * 20_000, "ab")) == 64


def test_a_hundred_thousand_words_are_compiled_and_found() -> None:
    terms = Terms({0: [f"{number}wibble" for number in range(100_000)]})
    assert [owner for owner, _, _ in terms.find("a 77777wibble b")] == [0]
    assert not list(terms.find("777777wibble"))


@given(st.text(max_size=200), st.text(min_size=1, max_size=12))
def test_whatever_is_written_is_read_without_fault(text: str, word: str) -> None:
    clean = "".join(c for c in text if unicodedata.category(c) != "Cs")
    term = "".join(c for c in word if unicodedata.category(c) != "Cs")
    try:
        terms = Terms({0: [term]})
    except ValueError:
        return
    view = folded(clean)
    for _, begin, end in terms.find(clean):
        assert 0 <= begin < end
        assert end <= max(len(view), len(lookalike(view)))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=100))
def test_folding_is_settled(text: str) -> None:
    once = folded(text)
    assert folded(once) == once
    assert visible(visible(text)) == visible(text)


@given(
    st.text(alphabet="abcdeföéж", min_size=1, max_size=8),
    st.text(alphabet=" .,!?\n", min_size=1, max_size=5),
    st.sampled_from(["\u200b", "\u200d", "\u00ad", "\u2060", "\u202e", "\ufe0f"]),
)
def test_a_word_between_signs_is_found_with_or_without_what_is_not_seen(
    word: str, signs: str, unseen: str
) -> None:
    assert hits(f"{signs}{word}{signs}", word)
    assert hits(f"{signs}{unseen.join(word)}{signs}", word.upper())


def test_a_word_of_another_script_is_none_of_latin_letters_because_it_looks_like_one() -> None:
    assert not hits("Но вот сор", "ho", "bot", "cop")
    assert not hits("Но в Firefox нет", "ho"), "one foreign name makes it no other language"
    assert not hits("το σπίτι", "to")
    assert hits("cheap сор here", "cop"), "among Latin words it is a disguise"
    assert hits("сор сор сор here", "cop"), "however often"


def test_the_looks_of_other_letters_do_not_turn_a_latin_word_into_a_cyrillic_one() -> None:
    assert not hits("a cop in the garden, ыщ", "сор"), "some letters look like two"


def test_two_flags_beside_each_other_are_no_third_one() -> None:
    assert not hits("🇧🇩🇪🇸", "🇩🇪")
    assert hits("🇧🇩🇩🇪🇪🇸", "🇩🇪")


def test_a_figure_on_a_key_is_not_the_figure() -> None:
    key = "1\ufe0f\u20e3"
    assert hits(f"Press {key}!", key)
    assert not hits("I have 1 chair", key)
    assert not hits(f"Press {key}!", "1")
    assert hits("f\u20e3r\u20e3o\u20e3b\u20e3n\u20e3i\u20e3t\u20e3z\u20e3", "frobnitz")


@pytest.mark.parametrize(
    "heap",
    [
        "\u0315\u0300\u05ae\u0345" * 7_500,
        "\U0001d165\U0001d16d\u0300" * 6_000,
        "a" + "\u0315\u0300" * 15_000,
        "\ufdfa" * 20_000,
    ],
    ids=[
        "marks of several kinds",
        "marks of rare scripts",
        "marks on a letter",
        "signs for whole sentences",
    ],
)
def test_what_is_heaped_up_to_make_reading_slow_does_not(heap: str) -> None:
    begin = time.thread_time()
    found = list(Terms({1: ["frobnitz"]}).find(f"{heap} a frobnitz"))
    assert len(found) == 1
    assert time.thread_time() - begin < 0.2  # it was 7 s
