"""The tables of a report are the Commission's, row by row, and say nothing that was not published.

Source: annex I of Implementing Regulation (EU) 2024/2835 as the Commission offers it in CSV («Templates
for Transparency Reports», parts 1 to 11, English); reports of providers on 2025 and the first half of
2026 have the same heads and rows.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

import pytest

from policybot.domain import report_tables
from policybot.domain.condition import FirstPost
from policybot.domain.keyword import CATEGORIES, keywords
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.period import parse
from policybot.domain.publication import Shown, publish
from policybot.domain.rules import Ground, Rule
from policybot.domain.suppression import Cell

CYBER, TERMS = "STATEMENT_CATEGORY_CYBER_VIOLENCE", "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
RULES = (
    Rule("R1", "Advertising", "None.", category=TERMS, keyword="KEYWORD_OTHER"),
    Rule("R2", "Respect", "Be kind.", category=CYBER, keyword="KEYWORD_CYBER_HARASSMENT"),
    Rule("R3", "Peace", "No stalking.", category=CYBER, keyword="KEYWORD_CYBER_STALKING"),
    Rule("R4", "Topic", "Stay with it."),
)
COUNTS = {
    "reports": {
        "": 45,
        "rule:R1": 20,
        "rule:R2": 10,
        "rule:R3": 8,
        "rule:unsorted": 7,
        "flagger:yes": 15,
        "flagger:no": 30,
        "rule*flagger:R1/yes": 10,
        "rule*flagger:R1/no": 10,
        "rule*flagger:R2/yes": 5,
        "rule*flagger:R2/no": 5,
        "rule*flagger:R3/no": 8,
        "rule*flagger:unsorted/no": 7,
    },
    "own": {
        "": 36,
        "rule:R1": 14,
        "rule:R2": 12,
        "rule:R3": 10,
        "found:machine": 16,
        "found:ours": 20,
        "measure:account:suspend": 11,
        "measure:member:restrict": 25,
        "removed:yes": 30,
        "removed:no": 6,
        "rule*found:R1/machine": 9,
        "rule*found:R1/ours": 5,
        "rule*found:R3/ours": 10,
        "rule*found:R2/machine": 7,
        "rule*found:R2/ours": 5,
        "rule*removed:R1/yes": 14,
        "rule*removed:R3/yes": 10,
        "rule*removed:R2/yes": 6,
        "rule*removed:R2/no": 6,
        "rule*measure:R1/account:suspend": 5,
        "rule*measure:R1/member:restrict": 9,
        "rule*measure:R2/account:suspend": 6,
        "rule*measure:R2/member:restrict": 6,
        "rule*measure:R3/member:restrict": 10,
    },
    "on_reports": {
        "": 12,
        "rule:R1": 12,
        "took:1 hour": 7,
        "took:3 days": 5,
        "flagger:yes": 7,
        "flagger:no": 5,
        "anew:yes": 5,
        "anew:no": 7,
        "rule*flagger:R1/yes": 7,
        "rule*flagger:R1/no": 5,
        "flagger*took:yes/1 hour": 7,
        "flagger*took:no/3 days": 5,
    },
    "appeals": {
        "": 30,
        "measure:member:restrict": 8,
        "measure:room:close": 6,
        "measure:warn": 16,
        "removed:yes": 11,
        "removed:no": 19,
    },
    "verdicts": {
        "": 20,
        "verdict:uphold": 14,
        "verdict:overturn": 6,
        "answer:3 days": 12,
        "answer:7 days": 8,
        "measure:member:restrict": 12,
        "measure:warn": 8,
        "removed:yes": 8,
        "removed:no": 12,
        "measure*verdict:member:restrict/uphold": 6,
        "measure*verdict:member:restrict/overturn": 6,
        "measure*verdict:warn/uphold": 8,
        "removed*verdict:yes/uphold": 8,
        "removed*verdict:no/uphold": 6,
        "removed*verdict:no/overturn": 6,
        "measure*answer:member:restrict/3 days": 12,
        "measure*answer:warn/7 days": 8,
        "removed*answer:yes/7 days": 8,
        "removed*answer:no/3 days": 12,
    },
    "objections": {"": 12, "flagger:yes": 6, "flagger:no": 6},
    "reconsidered": {
        "": 10,
        "verdict:uphold": 5,
        "verdict:overturn": 5,
        "answer:1 hour": 5,
        "answer:3 days": 5,
        "flagger:yes": 5,
        "flagger:no": 5,
        "flagger*verdict:yes/overturn": 5,
        "flagger*verdict:no/uphold": 5,
        "flagger*answer:yes/3 days": 5,
        "flagger*answer:no/1 hour": 5,
    },
    "referrals": {"": 6, "recipient:police": 6},
    "unfounded": {"": 5, "step:pause": 5},
}
LONG = "Applicability,Service,Reporting period,Section,Indicator,Scope,Value,Contextual Information"
OF_CATEGORIES = (
    "Category label,Category description,Category of illegal content / incompatible with the terms and "
    "conditions,Contextual information"
)
OF_ORDERS = """Applicability,Service,Reporting period,Category of illegal content,\
"Description of the sub-category ""Other\""",Scope,\
Number of orders to act against illegal content received,\
Number of specific items of information included in the total number of orders to act against illegal \
content,\
Median time to inform the authority of the receipt of the order to act against illegal content,\
Median time to give effect to the order to act against illegal content,\
Number of orders to provide information,\
Median time to inform the authority of the receipt of the order to provide information,\
Median time to give effect to the order to provide information,\
Contextual information on number of orders to act against illegal content received,\
Contextual information on number of specific items of information included in the total number of \
orders to act against illegal content,\
Contextual information on Median time to inform the authority of the receipt of the order to act \
against illegal content,\
Contextual information on Median time to give effect to the order to act against illegal content,\
Contextual information on Number of orders to provide information,\
Contextual information on Median time to inform the authority of the receipt of the order to provide \
information,\
Contextual information on Median time to give effect to the order to provide information"""
HEADS = {
    "1_report_identification": "Applicability,Service,Indicator,Value",
    "2_categories_names": OF_CATEGORIES,
    "3_member_states_orders": OF_ORDERS,
    "7_appeals_and_recidivism": LONG,
    "8_automated_means": LONG,
    "11_qualitative": "Applicability,Service,Reporting period,Indicator,Value",
}
OF_FLAGGERS = " (Trusted Flagger notices)"
ITEMS = "Number of specific items of information included in the total number of notices"
BY_TERMS = "Number of actions taken on the basis of the terms and conditions of the service"
NOTICES = (
    "Number of notices received ",
    "Number of notices received from Trusted flaggers",
    ITEMS,
    f"{ITEMS} by Trusted Flaggers{OF_FLAGGERS}",
    "Median time to take action",
    f"Median time to take action{OF_FLAGGERS}",
    "Number of actions taken on the basis of the law",
    f"Number of actions taken on the basis of the law{OF_FLAGGERS}",
    BY_TERMS,
    f"{BY_TERMS}{OF_FLAGGERS}",
)
MEASURES = (
    "Number of measures taken at the provider's own initiative ",
    "Number of measures taken after detection with solely automated means ",
    *("Visibility restriction Removal", "Visibility restriction Disable"),
    *("Visibility restriction Demoted", "Visibility restriction Age restricted"),
    *("Visibility restriction Interaction restricted", "Visibility restriction Labelled "),
    *("Visibility restriction Other", "Monetary restriction Suspension"),
    *("Monetary restriction Termination", "Monetary restriction Other"),
    *("Provision of the service Suspension", "Provision of the service Termination"),
    *("Account restriction Suspension", "Account restriction Termination"),
)
COMPLAINT = "Complaint regarding a decision "
ARTICLE = "in accordance with Article 16"
FIVE = (
    *("Total number", "Decisions upheld", "Decisions partially reversed", "Decisions reversed"),
    "Median time",
)
APPEALS = (
    (
        "Number of complaints submitted to the internal-complaints mechanism",
        (*FIVE, "Decision omitted"),
    ),
    (
        "Number of restrictions newly imposed as a result of an internal complaint",
        ("Total number",),
    ),
    (f"{COMPLAINT}to remove or disable access to or restrict visibility of information", FIVE),
    (f"{COMPLAINT}to suspend or terminate the provision of the service", FIVE),
    (f"{COMPLAINT}to suspend or terminate an account ", FIVE),
    (f"{COMPLAINT}to restrict the ability to monetise information", FIVE),
    (f"{COMPLAINT}not to take action on a notice submitted {ARTICLE}", FIVE),
    (f"{COMPLAINT}not to take action on a notice submitted by a Trusted Flagger {ARTICLE}", FIVE),
    (
        "Number of disputes submitted to out-of-court dispute settlement bodies",
        (*FIVE, "Decision omitted", "Percentage of outcomes implemented"),
    ),
    (
        "Number of suspensions enacted for the provision of manifestly illegal content ",
        ("Total number",),
    ),
    (
        "Number of suspensions enacted for the provision of manifestly unfounded notices",
        ("Total number",),
    ),
    (
        "Number of suspensions enacted for the provision of manifestly unfounded complaints",
        ("Total number",),
    ),
)


def written(
    rules: tuple[Rule, ...] = RULES,
    counts: Mapping[str, Mapping[str, int]] = COUNTS,
    mechanisms: tuple[Mechanism, ...] = (),
) -> dict[str, list[list[str]]]:
    publication = publish(parse("2026"), counts, [*(rule.id for rule in rules), "unsorted"], 5)
    made = report_tables.tables(
        publication,
        rules,
        "Example",
        published=date(2027, 2, 1),
        mechanisms=mechanisms,
        summary="We are five.",
    )
    return {
        name.removesuffix(".csv"): list(csv.reader(io.StringIO(text))) for name, text in made.items()
    }


def columns(rows: list[list[str]], code: str) -> dict[str, str]:
    (row,) = [row for row in rows if row[3] == code]
    return dict(zip(rows[0], row, strict=True))


def cells(rows: list[list[str]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Give value and context of a long table by indicator and scope."""
    return {(row[4], row[5]): (row[6], row[7]) for row in rows[1:]}


def test_each_part_has_the_head_of_the_commissions_templates() -> None:
    parts = written()
    for name, head in HEADS.items():
        assert parts[name][0] == next(csv.reader([head])), name
    wide = {
        "4_notices": ("Category of illegal content", NOTICES, "Contextual information on "),
        "5_own_initiative_illegal": (
            "Category of illegal content",
            MEASURES,
            "Contextual Information on ",
        ),
        "6_own_initiative_TC": (
            "Category of incompatibility with the provider's terms and conditions",
            MEASURES,
            "Contextual Information on ",
        ),
    }
    for name, (category, said, context) in wide.items():
        assert parts[name][0] == [
            *("Applicability", "Service", "Reporting period", category),
            'Description of the sub-category "Other"',
            *said,
            *(f"{context}{one}" for one in said),
        ], name
    assert {*parts} == {*HEADS, *wide}, "9 and 10 are for very large providers alone"


def test_the_report_says_whose_it_is_and_for_which_days() -> None:
    rows = written()["1_report_identification"]
    assert [(row[2], row[3]) for row in rows[1:]] == [
        ("Name of the service provider", "Example"),
        ("Date of the publication of the report", "2027-02-01"),
        ("Date of the publication of the latest previous report", ""),
        ("Starting date of reporting period", "2026-01-01"),
        ("Ending date of reporting period", "2026-12-31"),
    ]
    assert {row[2] for row in written()["4_notices"][1:]} == {"2026-01-01/2026-12-31"}


def test_every_row_is_as_long_as_its_head() -> None:
    for name, rows in written().items():
        assert {len(row) for row in rows} == {len(rows[0])}, name


def test_categories_and_keywords_stand_in_the_order_of_the_templates() -> None:
    parts = written()
    listed = [code for one in CATEGORIES for code in (one.code, *keywords(one.code))]
    assert (len(CATEGORIES), len(listed)) == (17, 99)
    terms = listed.index(TERMS)
    law, of_terms = listed[:terms], listed[terms:-2]
    rows = {name: [row[3] for row in parts[name][1:]] for name in (*parts,) if name[0] in "3456"}
    assert rows == {
        "3_member_states_orders": ["TOTAL", *law, "STATEMENT_CATEGORY_NOT_SPECIFIED_ORDER"],
        "4_notices": ["TOTAL", *law, "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE"],
        "5_own_initiative_illegal": ["TOTAL", *law],
        "6_own_initiative_TC": ["TOTAL", *law, *of_terms],
    }
    assert law[:4] == [
        *("STATEMENT_CATEGORY_ANIMAL_WELFARE", "KEYWORD_ANIMAL_HARM"),
        *("KEYWORD_UNLAWFUL_SALE_ANIMALS", "KEYWORD_OTHER"),
    ]
    assert of_terms[-2:] == ["KEYWORD_NUDITY", "KEYWORD_OTHER"]


def test_what_the_categories_mean_stands_beside_the_rules_that_are_in_them() -> None:
    rows = written()["2_categories_names"]
    assert rows[1] == ["TOTAL", "All the entries", "TOTAL", "in no category: R4 Topic"]
    assert ["Category 3", "Cyber violence", CYBER, "R2 Respect; R3 Peace"] in rows
    assert ["Category 3b", "Cyber harassment", "KEYWORD_CYBER_HARASSMENT", "R2 Respect"] in rows
    other = "Not captured by any other sub-category"
    assert ["Category 15g", other, "KEYWORD_OTHER", "R1 Advertising"] in rows
    assert rows[-1][0] == "Category 17"


def test_notices_are_told_by_category_and_by_keyword() -> None:
    rows = written()["4_notices"]
    received = "Number of notices received "
    got = {code: columns(rows, code)[received] for code in ("TOTAL", CYBER, "KEYWORD_CYBER_HARASSMENT")}
    assert got == {"TOTAL": "45", CYBER: "18", "KEYWORD_CYBER_HARASSMENT": "10"}
    assert columns(rows, "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE")[received] == "7"
    for code in got:
        assert columns(rows, code)[f"Contextual information on {received}"] == "", "it is all of them"
    total = columns(rows, "TOTAL")
    assert total[BY_TERMS] == "12"
    assert total["Number of actions taken on the basis of the law"] == "0"
    assert total["Contextual information on Median time to take action"] == "within 1 hour"
    by_category = columns(rows, CYBER)["Contextual information on Median time to take action"]
    assert by_category == "published for all categories together"


def test_notices_of_trusted_flaggers_are_told_apart_by_category_and_keyword_and_by_ground() -> None:
    rows = written()["4_notices"]
    flagged = [name for name in NOTICES if "rusted" in name]
    told = {
        code: [columns(rows, code)[name] for name in flagged]
        for code in ("TOTAL", CYBER, "KEYWORD_CYBER_HARASSMENT", "KEYWORD_CYBER_STALKING")
    }
    assert told == {
        "TOTAL": ["15", "15", "", "0", "7"],
        CYBER: ["5", "5", "", "0", "0"],
        "KEYWORD_CYBER_HARASSMENT": ["5", "5", "", "0", "0"],
        "KEYWORD_CYBER_STALKING": ["0", "0", "", "0", "0"],
    }
    assert columns(rows, "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE")[NOTICES[1]] == "0"
    total = columns(rows, "TOTAL")
    assert total[f"Contextual information on {flagged[2]}"] == "within 1 hour", "of all it is 3 days"
    automated = cells(written()["8_automated_means"])
    none, some = (f"Number of notices {how}" for how in ("solely processed by", "not processed by"))
    assert automated[f"{none} automated means ", "NAM Trusted Flagger"] == ("0", "")
    assert automated[f"{some} automated means", "NAM Trusted Flagger"] == ("15", "")


def test_a_few_notices_of_trusted_flaggers_are_kept_back_also_from_whoever_subtracts() -> None:
    """I28: neither the few of theirs nor the few of others, in all and by rule."""
    received = NOTICES[1]
    for yes, no in ((3, 42), (42, 3)):
        few = {"": 45, "rule:R1": 45, "flagger:yes": yes, "flagger:no": no}
        crossing = {"rule*flagger:R1/yes": yes, "rule*flagger:R1/no": no}
        rows = written(counts={**COUNTS, "reports": few | crossing})["4_notices"]
        total = columns(rows, "TOTAL")
        assert total[received] == "", (yes, no)
        assert total[f"Contextual information on {received}"].startswith("not published")
    # In all there are enough; by rule one number is small, so none is told that could give it away.
    split = {"rule*flagger:R1/yes": 8, "rule*flagger:R1/no": 12, "rule*flagger:R2/yes": 7}
    split |= {"rule*flagger:R2/no": 3, "rule*flagger:R3/no": 8, "rule*flagger:unsorted/no": 7}
    plain = {key: n for key, n in COUNTS["reports"].items() if "*" not in key}
    rows = written(counts={**COUNTS, "reports": plain | split})["4_notices"]
    assert columns(rows, "TOTAL")[received] == "15"
    for code in (CYBER, "KEYWORD_CYBER_HARASSMENT", "KEYWORD_CYBER_STALKING"):
        assert columns(rows, code)[received] == "", code
    # What was decided on them in all is told where every rule is of one ground.
    decided = {"": 14, "rule:R1": 7, "rule:R2": 7, "flagger:yes": 7, "flagger:no": 7}
    decided |= {"rule*flagger:R1/yes": 4, "rule*flagger:R1/no": 3, "rule*flagger:R2/yes": 3}
    decided |= {"rule*flagger:R2/no": 4}
    total = columns(written(counts={**COUNTS, "on_reports": decided})["4_notices"], "TOTAL")
    assert (total[NOTICES[7]], total[NOTICES[9]]) == ("0", "7")
    law = replace(RULES[1], ground=Ground.LAW, legal_ref="§ 1")
    rows = written((RULES[0], law), {**COUNTS, "on_reports": decided})["4_notices"]
    assert [columns(rows, "TOTAL")[name] for name in (NOTICES[7], NOTICES[9])] == ["", ""]


def test_where_a_rule_names_no_keyword_those_of_its_category_are_no_whole_numbers() -> None:
    rules = (*RULES, Rule("R5", "Quiet", "Do not shout.", category=CYBER))
    rows = written(rules)["4_notices"]
    assert columns(rows, CYBER)["Number of notices received "] == "18"
    some, none = columns(rows, "KEYWORD_CYBER_HARASSMENT"), columns(rows, "KEYWORD_CYBER_INCITEMENT")
    received, why = (
        "Number of notices received ",
        "Contextual information on Number of notices received ",
    )
    assert some[received] == "10"
    assert some[why].startswith("at least")
    assert none[received] == "", "who knows whether R5 is about that"
    assert none[why]
    own = written(rules)["6_own_initiative_TC"]
    some, none = (columns(own, f"KEYWORD_CYBER_{what}") for what in ("HARASSMENT", "INCITEMENT"))
    assert some[MEASURES[0]] == "12"
    assert some[f"Contextual Information on {MEASURES[0]}"].startswith("at least")
    done = [name for place, name in enumerate(MEASURES) if place < 3 or place > 11]
    assert [none[name] for name in done] == [""] * 7, "what nobody can do was not done by it either"


def test_a_keyword_that_says_other_names_the_rules_that_it_stands_for() -> None:
    rows = written()["6_own_initiative_TC"]
    described = [(row[3], row[4]) for row in rows[1:] if row[4]]
    assert described == [("KEYWORD_OTHER", "R1 Advertising")]


def test_own_measures_are_told_by_what_was_done() -> None:
    total = columns(written()["6_own_initiative_TC"], "TOTAL")
    assert [total[name] for name in MEASURES] == [
        *("36", "16", "30", "0", "0", "0", "0", "0", "0", "0", "0", "0"),
        *("25", "0", "11", "0"),
    ]
    rows = written()["6_own_initiative_TC"]
    harassment, sale = columns(rows, "KEYWORD_CYBER_HARASSMENT"), columns(rows, "KEYWORD_PHISHING")
    assert harassment[MEASURES[0]] == "12"
    assert [harassment[name] for name in MEASURES] == [
        *("12", "7", "6", "0", "0", "0", "0", "0", "0", "0", "0", "0"),
        *("6", "0", "6", "0"),
    ]
    assert [sale[name] for name in MEASURES] == ["0"] * len(MEASURES)


def test_what_was_decided_by_a_rule_that_is_gone_still_counts_in_all() -> None:
    rows = written(RULES[:2])["6_own_initiative_TC"]
    assert columns(rows, "TOTAL")[MEASURES[0]] == "36"


def test_rules_of_law_and_of_terms_are_not_told_apart_where_that_was_not_published() -> None:
    law = Rule("R9", "The law", "No.", ground=Ground.LAW, legal_ref="§ 1", category=CYBER)
    counts = {**COUNTS, "own": {**COUNTS["own"], "": 46, "rule:R9": 10}}  # as it was counted once
    parts = written((*RULES, law), counts)
    illegal, terms = (
        columns(parts[name], "TOTAL") for name in ("5_own_initiative_illegal", "6_own_initiative_TC")
    )
    assert (illegal[MEASURES[0]], terms[MEASURES[0]]) == ("10", "36")
    for one in (illegal, terms):
        assert one[MEASURES[2]] == ""
        assert "by this ground" in one[f"Contextual Information on {MEASURES[2]}"]


def test_rules_of_law_and_of_terms_are_told_apart_where_what_was_done_is_published_by_rule() -> None:
    law = Rule("R9", "The law", "No.", ground=Ground.LAW, legal_ref="§ 1", category=CYBER)
    more = {"": 46, "rule:R9": 10, "found:ours": 30, "removed:yes": 40, "measure:room:close": 10}
    more |= {"rule*found:R9/ours": 10, "rule*removed:R9/yes": 10, "rule*measure:R9/room:close": 10}
    parts = written((*RULES, law), {**COUNTS, "own": {**COUNTS["own"], **more}})
    illegal, terms = (
        columns(parts[name], "TOTAL") for name in ("5_own_initiative_illegal", "6_own_initiative_TC")
    )
    done = [name for place, name in enumerate(MEASURES) if place < 3 or place > 11]
    assert [illegal[name] for name in done] == ["10", "0", "10", "0", "10", "0", "0"]
    assert [terms[name] for name in done] == ["36", "16", "30", "25", "0", "11", "0"]


def test_a_single_measure_of_a_kind_keeps_back_what_was_done_by_category() -> None:
    """I28: it stays in no number of the table, nor in what is left when others are subtracted."""
    own = {key: n for key, n in COUNTS["own"].items() if not key.startswith(("measure", "rule*measure"))}
    own |= {"measure:account:suspend": 11, "measure:member:restrict": 24, "measure:room:close": 1}
    own |= {"rule*measure:R1/account:suspend": 5, "rule*measure:R1/member:restrict": 9}
    own |= {"rule*measure:R2/account:suspend": 6, "rule*measure:R2/member:restrict": 6}
    own |= {"rule*measure:R3/member:restrict": 9, "rule*measure:R3/room:close": 1}
    rows = written(counts={**COUNTS, "own": own})["6_own_initiative_TC"]
    harassment = columns(rows, "KEYWORD_CYBER_HARASSMENT")
    assert [harassment[name] for name in MEASURES[12:]] == ["", "", "", "0"]
    assert harassment["Contextual Information on Provision of the service Suspension"].startswith("not")
    assert harassment[MEASURES[2]] == "6", "whether messages went is another table"


def test_without_a_rule_of_law_nothing_was_done_on_its_ground() -> None:
    total = columns(written()["5_own_initiative_illegal"], "TOTAL")
    assert [total[name] for name in MEASURES] == ["0"] * len(MEASURES)


def test_every_indicator_of_complaints_disputes_and_suspensions_is_there() -> None:
    rows = written()["7_appeals_and_recidivism"][1:]
    assert [(row[4], row[5]) for row in rows] == [
        (name, scope) for name, scopes in APPEALS for scope in scopes
    ]
    assert [row[0] for row in rows] == ["All", *["Only for providers of online platforms"] * 46]
    assert [row[3] for row in rows] == [
        *["Internal complaints mechanism"] * 37,
        *["Out-of-court dispute settlement bodies"] * 7,
        *["Suspensions imposed on repeated offenders"] * 3,
    ]


def test_complaints_say_what_became_of_them_or_why_that_is_not_said() -> None:
    told = cells(written()["7_appeals_and_recidivism"])
    every = APPEALS[0][0]
    assert [told[every, scope] for scope in FIVE] == [
        *(("30", ""), ("14", ""), ("0", ""), ("6", "")),
        ("", "within 3 days"),
    ]
    for (name, scope), (value, why) in told.items():
        assert value or why, (name, scope)
    kinds = [told[APPEALS[place][0], "Total number"] for place in (2, 3, 4)]
    assert kinds == [("11", ""), ("14", ""), ("0", "")]
    became = {place: [told[APPEALS[place][0], scope] for scope in FIVE[1:]] for place in (2, 3, 4, 7)}
    nothing, none = ("0", ""), ("", "nothing was to be settled")
    assert became == {
        2: [("8", ""), nothing, nothing, ("", "within 7 days")],
        3: [("6", ""), nothing, ("6", ""), ("", "within 3 days")],
        4: [nothing, nothing, nothing, none],
        7: [nothing, nothing, ("5", ""), ("", "within 3 days")],
    }
    assert told[APPEALS[7][0], "Total number"] == ("6", "")
    assert told[APPEALS[6][0], "Total number"] == ("12", ""), "of all who reported"
    assert told[APPEALS[6][0], "Median time"] == ("", "within 1 hour")
    assert told[APPEALS[1][0], "Total number"] == ("5", "")
    disputes = APPEALS[8][0]
    assert told[disputes, "Total number"] == ("", "to be filled in: only the provider knows")
    suspended = [told[name, "Total number"][0] for name, _ in APPEALS[-3:]]
    assert suspended == ["", "5", "0"]


def test_what_was_published_before_appeals_were_told_by_kind_says_nothing_of_kinds() -> None:
    publication = publish(parse("2026"), COUNTS, ["R1"], 5)
    old = {**publication.populations, "appeals": Shown(Cell(30), {})}
    made = report_tables.tables(
        replace(publication, populations=old), RULES, "Example", published=date(2027, 2, 1)
    )
    told = cells(list(csv.reader(io.StringIO(made["7_appeals_and_recidivism.csv"]))))
    assert told[APPEALS[0][0], "Total number"] == ("30", "")
    together = ("", "published for all kinds of decisions together")
    assert told[APPEALS[4][0], "Total number"] == together


def test_what_became_of_appeals_is_kept_back_by_kind_where_one_number_is_small() -> None:
    """I28: two of the kinds together are the whole, so the small one would be their difference."""
    verdicts = {key: n for key, n in COUNTS["verdicts"].items() if not key.startswith("measure*verdict")}
    split = {"measure*verdict:member:restrict/uphold": 9, "measure*verdict:member:restrict/overturn": 3}
    split |= {"measure*verdict:warn/uphold": 5, "measure*verdict:warn/overturn": 3}
    told = cells(written(counts={**COUNTS, "verdicts": verdicts | split})["7_appeals_and_recidivism"])
    hidden = "not published: it is below the limit, or would give such a number away"
    of_rooms = APPEALS[3][0]
    assert [told[of_rooms, scope] for scope in (FIVE[1], FIVE[3])] == [("", hidden)] * 2
    assert told[of_rooms, "Total number"] == ("14", "")
    assert told[APPEALS[2][0], "Decisions upheld"] == ("8", ""), "by removal nothing is small"


def test_every_indicator_of_automated_means_is_there() -> None:
    rows = written()["8_automated_means"][1:]
    measures = (
        "Number of measures solely taken by automated means ",
        "Number of measures not taken by automated means",
    )
    notices = (
        "Number of notices solely processed by automated means ",
        "Number of notices not processed by automated means",
    )
    accuracy = [
        f"Accuracy of the automated means - {one}" for one in ("Accuracy", "Precision", "Recall")
    ]
    assert [(row[0], row[5], row[4]) for row in rows] == [
        (applies, scope, name)
        for applies, scope, names in (
            ("All", "Total number", measures),
            ("All", "Own-initiative ", measures),
            (
                "Only for providers of hosting services, including online platforms",
                "NAM Total",
                notices,
            ),
            ("Only for providers of online platforms", "NAM Trusted Flagger", notices),
        )
        for name in (*names, *accuracy)
    ]
    told = cells(written()["8_automated_means"])
    assert told[measures[0], "Total number"] == ("16", "")
    assert told[measures[1], "Total number"] == ("32", "")
    assert told[measures[1], "Own-initiative "] == ("20", "")
    assert told[notices[0], "NAM Total"] == ("0", "")
    assert told[notices[1], "NAM Total"] == ("45", "")
    assert told[accuracy[0], "Total number"] == ("", "not measured")
    assert told[accuracy[0], "NAM Total"] == ("", "no notice was answered by them")


def test_where_no_machine_acted_nothing_is_to_be_measured() -> None:
    counts = {**COUNTS, "own": {"": 36, "rule:R1": 36, "found:ours": 36}}
    told = cells(written(counts=counts)["8_automated_means"])
    accuracy = told["Accuracy of the automated means - Accuracy", "Own-initiative "]
    assert accuracy == ("", "no measure was taken by them")


def test_orders_are_left_to_the_provider_with_what_was_handed_over() -> None:
    total = columns(written()["3_member_states_orders"], "TOTAL")
    assert total["Scope"] == "TOTAL"
    assert total["Number of orders to provide information"] == ""
    why = total["Contextual information on Number of orders to provide information"]
    assert why == "to be filled in: only the provider knows; 6 referrals were handed over, on any basis"


def test_beside_every_empty_value_stands_why_it_is_empty() -> None:
    for name, rows in written().items():
        head = rows[0]
        for row in rows[1:]:
            for place, title in enumerate(head):
                context = [
                    n for n, other in enumerate(head) if other.lower().endswith(f" {title.lower()}")
                ]
                if title not in ("Applicability", "Scope") and context and not row[place]:
                    assert row[context[0]], (name, row[3], title)


def test_the_words_say_what_a_machine_may_do_and_that_there_is_none_where_there_is_none() -> None:
    said = {row[3]: row[4] for row in written()["11_qualitative"][1:]}
    assert len(said) == 6
    assert said["Summary of the content moderation engaged in at the providers’ own initiative"] == (
        "We are five."
    )
    own = said[
        "Meaningful and comprehensible information regarding content moderation engaged in at the "
        "providers' own initiative"
    ]
    assert own.endswith("The rules: R1 Advertising; R2 Respect; R3 Peace; R4 Topic.")
    machine = [text for name, text in said.items() if "automated means" in name]
    assert machine == ["No automated means are used."] * 4
    looks = (
        Mechanism(RULES[1], FirstPost()),
        Mechanism(RULES[2], FirstPost(), stage=Stage.SHADOW),
        Mechanism(RULES[0], FirstPost(), then=frozenset({Then.REDACT}), automatic=True),
    )
    said = {row[3]: row[4] for row in written(mechanisms=looks)["11_qualitative"][1:]}
    purposes = said["Specification of the precise purposes to apply automated means"]
    assert purposes.startswith("To find what may break R2, R1, so that a person decides, but for R1,")
    accuracy = "Qualitative description of indicators of accuracy and possible rate of error of "
    assert said[f"{accuracy}automated means"] == (
        "Accuracy is not measured. 6 of 20 appeals changed a decision, also of people."
    )
    assert "72 hours" in said["Safeguards applied to the use of automated means"]
    assert timedelta(hours=72) > looks[2].hold_for


@pytest.mark.parametrize("verdicts", [{"": 20, "verdict:uphold": 18, "verdict:overturn": 2}, {"": 3}])
def test_how_many_appeals_changed_a_decision_is_not_said_where_that_is_kept_back(
    verdicts: dict[str, int],
) -> None:
    looks = (Mechanism(RULES[1], FirstPost()),)
    rows = written(counts={**COUNTS, "verdicts": verdicts}, mechanisms=looks)["11_qualitative"]
    assert [row[4] for row in rows if "accuracy" in row[3]] == ["Accuracy is not measured."]
    purposes = [row[4] for row in rows if "purposes" in row[3]]
    assert purposes == ["To find what may break R2, so that a person decides."]


def test_where_every_rule_has_a_category_none_is_named_without() -> None:
    assert written(RULES[:3])["2_categories_names"][1] == ["TOTAL", "All the entries", "TOTAL", ""]


def test_small_numbers_are_kept_back_in_every_part() -> None:
    """I28: what is not published is in no table either."""
    counts = {
        "reports": {"": 45, "rule:R1": 42, "rule:R2": 3},
        "appeals": {"": 3},
        "verdicts": {"": 3, "verdict:uphold": 3},
        "referrals": {"": 2, "recipient:police": 2},
        "unfounded": {"": 1, "step:pause": 1},
    }
    parts = written(counts=counts)
    shown = {cell for rows in parts.values() for row in rows[1:] for cell in row if cell.isdigit()}
    assert shown == {"0", "45"}
    orders = columns(parts["3_member_states_orders"], "TOTAL")
    handed = orders["Contextual information on Number of orders to provide information"]
    assert handed == "to be filled in: only the provider knows"
    hidden = "not published: it is below the limit, or would give such a number away"
    notices = columns(parts["4_notices"], "TOTAL")
    assert notices["Contextual information on Median time to take action"] == hidden
    assert cells(parts["7_appeals_and_recidivism"])[APPEALS[0][0], "Median time"] == ("", hidden)
