"""The configuration file: every mistake is told with its line, and no secret ever."""

import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from policybot.cli.program import app
from policybot.config import ConfigRefused, fresh, load, permissions_too_open
from policybot.config.explain import explain
from tests import files

OF_TERMS = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
PASSPORT = "{id: passport, title: Passport}"
SECRET = "s3cret-" * 6


def refused(folder: Path, old: str, new: str) -> list[str]:
    """Change one thing in a good file and give back the mistakes that are told."""
    path = files.write(folder)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    line = text[: text.index(old)].count("\n") + 1
    found = [str(problem) for problem in caught.value.problems]
    near = [p.line for p in caught.value.problems]
    assert any(abs(n - line) <= new.count("\n") + 2 or n == 1 for n in near), (line, found)
    return found


MEDICAL = "{id: medical, title: M, needs: N, verifier: V, valid_for: P9D, rights: [publish]}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rooms_per_person: 3", "rooms_per_persn: 3", "did you mean «rooms_per_person»"),
        ("rooms_per_person: 3", "rooms_per_person: many", "filing.rooms_per_person: input should be"),
        ("valid_for: P365D", "valid_for: P1Y", "«P1Y» is no duration"),
        ("prefix: PB", "prefix: pb", "filing.prefix"),
        ("  name: Example", "  nam: Example", "operator.name: is missing"),
        ("public_url: https://", "public_url: ftp://", "begins with http:// or https://"),
        ("listen: 127.0.0.1:29331", "listen: 127.0.0.1:99999", "an address and a port"),
        ("database: sqlite:", "database: mysql:", "must be sqlite:FILE or postgres://"),
        ('review_room: "#review', 'review_room: "review', "a room ID or an alias"),
        ("scope: account", "scope: planet", "rules[2].scope"),
        ("severity: [S0, S2]", "severity: [S2, S0]", "milder one first"),
        ("ground: terms", "ground: law", "needed where the ground is law"),
        (
            "- id: R2",
            f"- id: R2\n    category: {OF_TERMS}\n    keyword: KEYWORD_PHISHING",
            f"keyword: {OF_TERMS} has none like this; it has KEYWORD_ADULT_SEXUAL_MATERIAL,",
        ),
        (
            "- id: R2",
            "- id: R2\n    keyword: KEYWORD_PHISHING",
            "keyword: a rule without a category has none like this",
        ),
        ("- id: R2", "- id: R1", "rules[1].id: «R1» is there twice"),
        ("S1: [warn, restrict P1D, restrict P3D, restrict P7D]", "S1: [warn, banish]", "4 measures"),
        ("suspend P180D, close]", "suspend P180D, shame]", "«shame» is no measure"),
        (
            "effective_from: 2026-01-01",
            "effective_from: 0001-01-01T00:00:00+05:00 #",
            "must be a time such",
        ),
        ("bands: {H0: 0, H1: 1", "bands: {H0: 0, H1: 0", "must be more than H0"),
        ("window: P183D", "window: P30D", "P183D or longer"),
        ("  document:\n", "  document:\n    kinds: []\n", "identity.document.kinds"),
        ("  document:\n", f"  document:\n    kinds: [{PASSPORT}, {PASSPORT}]\n", "is there twice"),
        ("  document:\n", f"  document:\n    kinds: [{PASSPORT}]\n    max_mib: 99\n", "max_mib"),
        ("  document:\n", f"  document:\n    kinds: [{PASSPORT}]\n    keep: 9\n", "«keep_days»"),
        ("dry_run: false", "dry_run: [", "is not YAML"),
        (
            "\ngate:",
            f"\ngate: {{token: '{'g' * 32} '}}",
            "gate.token: must have no",
        ),
        (
            "\ngate:",
            f"\ngate: {{token: '{'g' * 32}\u00e9'}}",
            "gate.token: must have no",
        ),
        ("dry_run: false", "dry_run: false\ndry_run: true", "there twice"),
        ("dry_run: false", "dry_run: perhaps", "dry_run: input should be a valid boolean"),
        ("profile_field: org.policybot.verified", "profile_field: displayname", "with a dot in it"),
        ("profile_field: org.policybot.verified", "profile_field: m.verified", "with a dot in it"),
        ("profile_field: org.policybot.verified", f"profile_field: a.{'b' * 254}", "255 characters"),
        ("front: voluntary", "front: hidden", "filing.categories[0].front"),
        (
            "licences: []",
            "licences: [{title: A, number: 1-A}]",
            "operator.licences[0].issuer: is missing",
        ),
        (
            "licences: []",
            "licences: [{title: A, number: 1-A, issuer: B, valid_until: next year}]",
            "operator.licences[0].valid_until",
        ),
        (
            "licences: []",
            "licences: [{title: A, number: 1-A, issuer: B, link: 'javascript:alert(1)'}]",
            "begins with http:// or https://",
        ),
        (
            "licences: []",
            'licences: [{title: "A\\u202eB", number: 1-A, issuer: B}]',
            "must be one line of plain text",
        ),
        (
            "licences: []",
            "licences: [{title: A, number: 1-A, issuer: B}, {title: C, number: 1-A, issuer: B}]",
            "operator.licences[1].number: this licence is there twice",
        ),
        ("moderator_and_day: 10", "moderator_and_day: 0", "operator.staffing.reports_per_moderator"),
        ("oldest_case: P7D", "oldest_case: a week", "«a week» is no duration"),
        ("real_allowed: true", "real_allowed: perhaps", "identity.front.real_allowed"),
        ("    - moderator\n", "    - emperor\n", "staff"),
        ("qualifications: []", "qualifications: [{id: Medical}]", "filing.qualifications[0].id"),
        ("qualifications: []", f"qualifications: [{MEDICAL}, {MEDICAL}]", "«medical» is there twice"),
        (
            "qualifications: []",
            f"qualifications: [{MEDICAL.replace('P9D', 'PT0S')}]",
            "valid_for",
        ),
        (
            "qualifications: []",
            f"qualifications: [{MEDICAL.replace('publish', 'censor')}]",
            "filing.qualifications[0].rights",
        ),
        (
            "qualifications: []",
            f"qualifications: [{MEDICAL.replace('publish', 'answer, answer')}]",
            "one is there twice",
        ),
        ('topic_line: "Filed as {number}"', 'topic_line: "{name}"', "nothing is known of {name}"),
        ('topic_line: "Filed as {number}"', 'topic_line: "a\\nb"', "must be one line"),
        ('topic_line: "Filed as {number}"', 'topic_line: " "', "write null if nothing"),
        ('topic_line: "Filed as {number}"', f'topic_line: "{"x" * 201}"', "topic_line"),
        ("oidc: []", "oidc: [{id: Campus}]", "identity.oidc[0].id"),
        ("oidc: []", "oidc: [{ISSUER: x}]", "identity.oidc[0].ISSUER: unknown key"),
        ("oidc: []", "oidc: [{issuer: 'http://login.example'}]", "must begin with https://"),
        ("oidc: []", "oidc: [{issuer: 'https://login.example?x'}]", "without ? and #"),
        (
            "oidc: []",
            "oidc: [{id: a, title: A, issuer: 'https://a.example', client_id: a, scopes: [email]}]",
            "identity.oidc[0].scopes: openid must be among them",
        ),
        (
            "oidc: []",
            "oidc:\n    - &a {id: a, title: A, issuer: 'https://a.example', client_id: a}\n    - *a",
            "identity.oidc[1].id: «a» is there twice",
        ),
        ("    mas:", "    mas: {}", "identity.binding.mas.issuer: is missing"),
        ("    widget:", "    widget: {clients: []}", "identity.binding.widget.clients"),
        ("    widget:", "    widget: {clients: ['https://a b; *']}", "must be an origin"),
        ("after: P30D", "after: P91D", "reasons[0].notify.after: the person is told after P90D"),
        ("notify: at_once", "notify: never", "reasons[1].notify: must be at_once, or after: P30D"),
        ("fields: [name]", "fields: [shoe_size]", "privacy.reveal.reasons[0].fields"),
        ("id: threat_to_life", "id: legal_order", "reasons[1].id: «legal_order» is there twice"),
        (
            "evidence: P365D",
            "evidence: for ever",
            "privacy.retention.evidence: «for ever» is no duration",
        ),
        ("dead_events: P90D", "dead_evnts: P90D", "did you mean «dead_events»"),
        ("  callback:", "  callback: {}", "identity.callback.realm: is missing"),
        ("revalidate_every: P30D", "revalidate_every: PT1H", "must be a day or more"),
        *(
            ("trusted_flaggers: []", f"trusted_flaggers: [{bodies}]", f"reports{message}")
            for bodies, message in (
                ("{name: A}", ".trusted_flaggers[0]: name an account or a program"),
                ("{name: ' ', accounts: ['@a:b.org']}", ".trusted_flaggers[0].name"),
                ("{name: A, accounts: [hotline]}", ".trusted_flaggers[0].accounts"),
                (
                    "{name: A, tools: [radar]}",
                    ".trusted_flaggers[0].tools: there is no program «radar»",
                ),
                (
                    "{name: A, accounts: ['@a:b.org'], rules: [R99]}",
                    ".trusted_flaggers[0].rules: there is no rule «R99»",
                ),
                (
                    "{name: A, accounts: ['@a:b.org']}, {name: B, accounts: ['@a:b.org']}",
                    ".trusted_flaggers[1]: «@a:b.org» reports for another already",
                ),
                (
                    "{name: A, accounts: ['@a:b.org']}, {name: a, accounts: ['@c:b.org']}",
                    ".trusted_flaggers[1].name: another has this name already",
                ),
            )
        ),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    found = refused(tmp_path, old, new)
    assert any(message in line for line in found), found
    assert all(line.startswith("config.yaml:") for line in found)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    text = path.read_text("utf-8")
    for old, new in (
        ("prefix: PB", "prefix: pb"),
        ("window: P183D", "window: P1D"),
        ("link_minutes", "link_mins"),
    ):
        text = text.replace(old, new, 1)
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    lines = [problem.line for problem in caught.value.problems]
    assert len(lines) == 3
    assert lines == sorted(lines)


def service(**changes: object) -> dict[str, object]:
    """Write the section of a verification service."""
    section: dict[str, object] = {
        "realm": "verify-ltd",
        "start_url": "https://kyc.example/?r={reference}&b={return_url}",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "levels": {"full": "high"},
    }
    return section | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start_url": "http://kyc.example/{reference}"}, r"start_url: must begin with https://"),
        ({"start_url": "http://localhost.evil.example/{reference}"}, r"start_url: must begin with"),
        ({"start_url": "https://{reference}.example/"}, r"start_url: must be an address"),
        ({"start_url": "https://user@kyc.example/{reference}"}, r"start_url: must be an address"),
        ({"start_url": "https://kyc.example/"}, r"start_url: must have the placeholder {reference}"),
        ({"start_url": "https://kyc.example/{reference}/{name}"}, r"{name} is no placeholder"),
        ({"secret": SECRET}, r"secret\[0\]: must be whsec_"),
        ({"secret": "whsec_c2hvcnQ="}, r"secret\[0\]: must be whsec_"),
        ({"secret": "whsec_CHANGE-ME"}, r"secret\[0\]: is an example"),
        ({"secret": []}, r"callback\.secret: must be one secret"),
        ({"result_url": "https://kyc.example/{id}"}, r"api_key: is needed where result_url is set"),
        ({"result_url": "https://kyc.example/", "api_key": SECRET}, r"must have the placeholder {id}"),
        ({"result_url": "https://kyc.example/{id}", "api_key": "CHANGE-ME"}, r"api_key: is an example"),
        ({"levels": {}}, r"identity\.callback\.levels"),
        ({"levels": {"full": "certain"}}, r"identity\.callback\.levels"),
        ({"wait": "PT1M"}, r"wait: must be from one hour"),
        ({"wait": "P91D"}, r"wait: must be from one hour"),
    ],
)
def test_a_verification_service_that_cannot_be_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigRefused, match=message) as caught:
        load(files.write(tmp_path, changes={"identity.callback": service(**changes)}))
    assert SECRET not in str(caught.value)


def test_a_verification_service_is_a_way_in(tmp_path: Path) -> None:
    config = load(
        files.write(tmp_path, changes={"identity.roster": None, "identity.callback": service()})
    )
    assert config.identity.callback is not None
    assert "MfKQ" not in repr(config.identity)
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigRefused, match="name at least one way in"):
        load(files.write(tmp_path / "none", changes={"identity.roster": None}))


def test_the_example_of_a_verification_service_is_good_but_for_its_secrets(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    example = fresh.full_sample().partition("  callback: null\n")[2].partition("  revalidate_every")[0]
    text = path.read_text("utf-8").replace("  callback:\n", f"  callback:\n{example}")
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    assert [problem.key for problem in caught.value.problems] == ["identity.callback.secret[0]"]
    path.write_text(text.replace("whsec_CHANGE-ME", str(service()["secret"])), "utf-8")
    with pytest.raises(ConfigRefused, match=r"callback\.api_key: is an example"):
        load(path)


@pytest.mark.parametrize("value", ["CHANGE-ME-please", "generate", "short"])
def test_an_example_or_short_secret_is_refused(tmp_path: Path, value: str) -> None:
    path = files.write(tmp_path, changes={"identity.index_key": value})
    with pytest.raises(ConfigRefused, match=r"identity\.index_key: (is an example|must have 32)"):
        load(path)


def test_a_secret_is_never_part_of_a_message(tmp_path: Path) -> None:
    path = files.write(
        tmp_path,
        f"mysql://user:{SECRET}@host/db",
        {"appservice.as_token": SECRET, "appservice.hs_token": SECRET, "homeserver.address": 7},
    )
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    assert "must be sqlite:FILE" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_secrets_refuse_to_be_printed(tmp_path: Path) -> None:
    config = load(files.write(tmp_path, changes={"identity.index_key": SECRET}))
    assert SECRET not in f"{config!r} {config.identity!r} {config.appservice} {vars(config)}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"", "must be a map"),
        (b"- a\n- b\n", "must be a map"),
        (b"a: b: c\n", "is not YAML"),
        (b"{}", "homeserver: is missing"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigRefused, match=message):
        load(path)


@pytest.mark.parametrize(
    "staff",
    [
        {"@mira:example.org": ["moderator", "reviewer", "appeals"]},
        {"@mira:example.org": ["moderator", "reviewer", "appeals"], "@otto:example.org": ["moderator"]},
    ],
)
def test_somebody_else_must_be_there_to_decide_an_appeal(
    tmp_path: Path, staff: dict[str, list[str]]
) -> None:
    with pytest.raises(ConfigRefused, match=r"nobody could decide an appeal against .* @mira"):
        load(files.write(tmp_path, changes={"staff": staff}))


ONE = {"@mira:example.org": ["moderator", "reviewer", "appeals"]}
TWO = {
    "@mira:example.org": ["moderator", "reviewer", "appeals"],
    "@otto:example.org": ["moderator", "appeals"],
}


def test_somebody_must_be_left_to_decide_an_appeal_against_what_two_decided(tmp_path: Path) -> None:
    """Governance goal 4: S3 and up need two people, neither of whom reviews it (I14)."""
    with pytest.raises(ConfigRefused, match=r"S3 and up.* @mira:example.org and @otto:example.org"):
        load(files.write(tmp_path, changes={"staff": TWO}))
    enough = tmp_path / "enough"
    enough.mkdir()
    load(files.write(enough, changes={"staff": TWO | {"@ravi:example.org": ["appeals"]}}))


@pytest.mark.parametrize("staff", [ONE, TWO])
def test_a_small_team_names_somebody_outside_to_decide_appeals(
    tmp_path: Path, staff: dict[str, list[str]]
) -> None:
    outside = {"external_reviewers": ["@olga:ombuds.example"]}
    load(files.write(tmp_path, changes={"staff": staff, "appeals": outside}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"appeals": {"external_reviewers": ["@ravi:example.org"]}}, "one of your own people"),
        ({"appeals": {"external_reviewers": ["olga"]}}, "must be a user ID"),
        ({"appeals": {"answer_within": "PT0S"}}, "must be more than nothing"),
        ({"appeals": {"claim": "P2D"}}, "from five minutes"),
        (
            {"staff": ONE | {"@olga:x.org": ["appeals", "external"]}},
            "appeals.external_reviewers, not here",
        ),
    ],
)
def test_what_appeals_cannot_be_set_to_is_said(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigRefused, match=message):
        load(files.write(tmp_path, changes=changes))


def test_the_samples_are_refused_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(fresh.sample("config.sample.yaml"), "utf-8")
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    assert len(caught.value.problems) == 3
    (tmp_path / "sample.yaml").write_text(fresh.sample("registration.yaml"), "utf-8")
    good = load(files.write(tmp_path / "good"))
    problems = fresh.registration_problems(tmp_path / "sample.yaml", good)
    assert "its secrets are those of the sample" in problems


def test_fresh_files_are_readable_by_their_owner_alone_and_agree(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    registration = tmp_path / "registration.yaml"
    for file in (path, registration):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert not permissions_too_open(file)
    assert fresh.registration_problems(registration, load(path)) == []
    with pytest.raises(FileExistsError, match="--force"):
        files.write(tmp_path)


def test_a_registration_without_the_network_of_filed_rooms_is_told(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    registration = path.parent / "registration.yaml"
    whole = registration.read_text("utf-8")
    for there in ("", "protocols: []\n", "protocols: irc\n", "protocols: null\n"):
        text = "".join(
            line for line in whole.splitlines(keepends=True) if not line.startswith("protocols")
        )
        registration.write_text(text + there, "utf-8")
        problems = fresh.registration_problems(registration, load(path))
        assert len(problems) == 1
        assert "protocols lacks org.policybot.filed" in problems[0]


def test_a_fresh_file_offers_no_documents_and_loses_no_comment(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    assert load(path).identity.document is None
    assert "# The text that everybody signs before publishing" in path.read_text("utf-8")


def test_a_fresh_file_has_a_gate_if_asked(tmp_path: Path) -> None:
    made = fresh.write(tmp_path / "gate", {}, gate=True)
    assert made.token is not None
    assert made.token.stat().st_mode & 0o777 == 0o600
    config, text = load(made.config), made.config.read_text("utf-8")
    assert config.gate is not None
    assert config.gate.uploads is None
    assert config.gate.token.get_secret_value() == made.token.read_text("utf-8").strip()
    assert "what stands behind `gate:`" not in text
    assert "  # Who makes rooms that everybody can enter" in text
    made.config.rename(tmp_path / "moved")
    with pytest.raises(FileExistsError):
        fresh.write(tmp_path / "gate", {}, gate=True)
    plain = fresh.write(tmp_path / "plain", {})
    assert plain.token is None
    assert load(plain.config).gate is None


def test_init_with_a_gate_prints_what_the_homeserver_needs(tmp_path: Path) -> None:
    answers = {"server-name": "example.org", "public-url": "https://p.example.org", "operator": "We"}
    answers |= {"contact": "x@example.org", "moderator": "@m:example.org", "reviewer": "@r:example.org"}
    flags = [f"--{name}={value}" for name, value in answers.items()]
    said = CliRunner().invoke(app, ["init", str(tmp_path / "with"), "--gate", *flags])
    assert said.exit_code == 0, said.output
    assert "5. The gate" in said.output
    assert "policybot doctor --homeserver-yaml FILE" in said.output
    assert f"token_path: {tmp_path / 'with' / 'gate.token'}" in said.output
    assert (tmp_path / "with" / "gate.token").read_text("utf-8").strip() not in said.output
    said = CliRunner().invoke(app, ["init", str(tmp_path / "without"), *flags])
    assert "5." not in said.output


def test_two_fresh_files_never_share_a_secret(tmp_path: Path) -> None:
    one, two = load(files.write(tmp_path / "1")), load(files.write(tmp_path / "2"))
    secrets = [
        secret.get_secret_value()
        for config in (one, two)
        for secret in (config.appservice.as_token, config.appservice.hs_token, config.identity.index_key)
    ]
    assert len(set(secrets)) == 6


def test_a_key_is_explained() -> None:
    assert "How long an approval is valid" in explain("filing.valid_for")
    assert "default: 1" in explain("identity.accounts_per_person")
    assert "required" in explain("rules.title")
    with pytest.raises(LookupError, match=r"filing\.valid_for"):
        explain("filing.valid_fr")


def test_a_key_of_the_ladder_is_explained_with_what_stands_above_it() -> None:
    assert "step: a decision counts whole until it expires" in explain("ladder.history.window")
    assert "Left out, they do not." in explain("ladder.scopes.member.spill")
    breaker = explain("ladder.automation.breaker.max_share")
    assert "breaker:" in breaker
    assert "severities" not in breaker
    with pytest.raises(LookupError, match=r"Did you mean ladder\.history\.window\?"):
        explain("ladder.history.windw")
    with pytest.raises(LookupError, match=r"What a ladder can say: docs/ladder\.md"):
        explain("ladder.histroy.half_life")


def test_the_excerpt_is_that_of_the_key_and_not_of_another_of_its_name() -> None:
    shown = explain("referrals.recipients").partition("In the sample:")[2]
    assert "recipients: []" in shown
    assert "P1095D" not in shown, "that is how long referrals are kept"


def test_the_command_line_ends_with_two_and_no_traceback_on_a_bad_file(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    path.write_text(path.read_text("utf-8").replace("prefix: PB", "prefix: p"), "utf-8")
    for command in (["config", "check"], ["run"], ["doctor"], ["audit", "verify"], ["simulate", "S1"]):
        result = CliRunner().invoke(app, [*command, "-c", str(path)])
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        assert "filing.prefix" in result.output


def test_simulate_says_how_a_proposal_comes_about(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    result = CliRunner().invoke(app, ["simulate", "S2", "--strike", "S2:30", "-c", str(path)])
    assert result.exit_code == 0
    assert "proposed: restrict P3D (row S2)" in result.output
    assert "one person decides" in result.output
    result = CliRunner().invoke(app, ["simulate", "S9", "-c", str(path)])
    assert result.exit_code == 2


def test_there_is_nothing_to_verify_before_the_first_run(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    result = CliRunner().invoke(app, ["audit", "verify", "-c", str(path)])
    assert result.exit_code == 1
    assert "policybot run" in result.output
    assert not (tmp_path / "policybot.db").exists()


def test_the_second_world_with_the_same_changes_has_what_its_own_file_says(tmp_path: Path) -> None:
    changes = {"filing.categories": [{"id": "garden", "title": "Gardens"}], "dry_run": True}
    settled = [
        files.settled(tmp_path / name, f"sqlite:{name}.db", changes) for name in ("first", "second")
    ]
    for name, config in zip(("first", "second"), settled, strict=True):
        read = load(tmp_path / name / "config.yaml")
        assert vars(config) == vars(read)
        assert config.database_url.endswith(f"/{name}/{name}.db")
        assert config.dry_run
    first, second = settled
    assert first.identity.index_key != second.identity.index_key
    assert first.appservice.as_token != second.appservice.as_token
    keys = [(tmp_path / name / "vault.key").read_text("utf-8") for name in ("first", "second")]
    assert keys[0] != keys[1]
