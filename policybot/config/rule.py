"""One of the operator's published rules, as it stands in the configuration."""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from policybot.config.gate import LanguageCode, TranslationSection
from policybot.config.mechanism import ConditionSection, check_acts
from policybot.config.review import Reason, Wait
from policybot.config.types import Section, Span, Word
from policybot.domain.keyword import keywords
from policybot.domain.ladder import Scope, Severity
from policybot.domain.mechanism import Mechanism, Stage, Then
from policybot.domain.prepared import Prepared
from policybot.domain.review import blanks
from policybot.domain.rules import Ground, Reach, Rule


class PreparedSection(Section):
    """A prepared text for the facts of a decision."""

    id: str = Field(
        pattern=r"^[a-z0-9-]{1,40}$", description="Its name, as moderators type it: #spam-first."
    )
    text: Reason = Field(
        description="What it says. What stands in {braces} is a blank that has to be filled."
    )
    languages: dict[LanguageCode, Reason] = Field(
        default_factory=dict, description="The same in other languages, with as many blanks."
    )

    @model_validator(mode="after")
    def _same_blanks(self) -> Self:
        for language, text in self.languages.items():
            if len(blanks(text)) != len(blanks(self.text)):
                message = f"languages.{language}: must have as many blanks as the text"
                raise ValueError(message)
        return self

    def prepared(self) -> Prepared:
        """Give it as the domain knows it."""
        return Prepared(self.id, self.text, tuple(self.languages.items()))


class RuleSection(Section):
    """One of your published rules."""

    id: str = Field(pattern=r"^[A-Z0-9.-]+$", description="Its number, in capitals: R1.")
    title: Word = Field(description="What it is about, in a few words.")
    text: Word = Field(description="The rule, as people read it.")
    ground: Ground = Field(Ground.TERMS, description="terms, or law if a law forbids it.")
    legal_ref: str | None = Field(None, description="The provision, if the ground is law.")
    severity: tuple[Severity, Severity] = Field(
        (Severity.S0, Severity.S4), description="The mildest and the gravest a breach can be."
    )
    scope: Literal["member", "account"] = Field(
        "member", description="Whether a breach counts in its room (member) or everywhere."
    )
    look_within: Wait | None = Field(
        None,
        description="Within which time somebody should look at a case in which it is named; null for "
        "cases.look_within.",
    )
    reach: Reach = Field(
        Reach.ACCOUNT,
        description="account, or person if a measure is to reach all accounts of the person behind it, "
        "also one that is linked while it runs.",
    )
    when: ConditionSection | None = Field(
        None,
        description="When it applies, as far as a machine can see; everything that is named at once. "
        "null for a rule that only people can judge.",
    )
    state: Stage = Field(
        Stage.LIVE,
        description="draft (checked, and applied to nothing), shadow (counted, and nothing follows) or "
        "live. It is about the machine alone.",
    )
    translations: tuple[TranslationSection, ...] = Field(
        (), description="The title and the text in other languages."
    )
    category: Word | None = Field(
        None,
        description="The category under which a published statement of reasons stands, in the words of "
        "the database that takes them; null for none.",
    )
    keyword: str | None = Field(
        None,
        description="The EU's keyword that tells more within the category; null for none.",
    )
    deceptive_bulk: bool = Field(
        default=False,
        description="Whether it is about deceptive commercial content in bulk; statements about it are "
        "not handed to the database of the EU, as the law says.",
    )
    presets: tuple[PreparedSection, ...] = Field(
        (), description="Prepared texts that moderators name instead of writing the facts."
    )
    where: tuple[str, ...] = Field(
        (), description="The categories of the rooms in which it is looked for; [] for all."
    )
    then: tuple[Then, ...] = Field(
        (Then.REPORT,),
        description="What follows: report (a case for people), refuse (it is not accepted), redact "
        "(removed, with a warning) or hold (no posting in that room for a time).",
    )
    automatic: bool = Field(
        default=False,
        description="Whether redact and hold, or refuse where it was delivered already, are done at "
        "once; people see each and can take it back.",
    )
    hold_for: Span = Field(
        timedelta(hours=24), description="How long hold lasts; PT72H at the most, without a person."
    )

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.ground is Ground.LAW and not (self.legal_ref or "").strip():
            message = "legal_ref: is needed where the ground is law"
            raise ValueError(message)
        if self.severity[1] < self.severity[0]:
            message = "severity: must name the milder one first"
            raise ValueError(message)
        known = keywords(self.category)
        if self.keyword is not None and self.keyword not in known:
            message = f"keyword: {self.category or 'a rule without a category'} has none like this"
            message += f"; it has {', '.join(known)}" if known else ""
            raise ValueError(message)
        for place, preset in enumerate(self.presets):
            if preset.id in [other.id for other in self.presets[:place]]:
                message = f"presets.{place}.id: «{preset.id}» is there twice"
                raise ValueError(message)
        check_acts(self.then, automatic=self.automatic, hold_for=self.hold_for)
        return self

    def mechanism(self, folder: Path) -> Mechanism | None:
        """Give what a machine can apply of it; None if that is nothing.

        Raises:
            ValueError: a file of words cannot be read.
        """
        if self.when is None:
            return None
        return Mechanism(
            self.rule(),
            self.when.condition(folder),
            self.state,
            frozenset(self.where),
            frozenset(self.then),
            self.automatic,
            self.hold_for,
        )

    def rule(self) -> Rule:
        """Give the rule as the domain knows it."""
        mildest, harshest = self.severity
        return Rule(
            id=self.id,
            title=self.title,
            text=self.text.strip(),
            ground=self.ground,
            legal_ref=self.legal_ref,
            mildest=mildest,
            harshest=harshest,
            scope=Scope(self.scope),
            look_within=self.look_within,
            reach=self.reach,
            translations=tuple((t.language, t.title, t.text.strip()) for t in self.translations),
            category=self.category,
            keyword=self.keyword,
            deceptive_bulk=self.deceptive_bulk,
            prepared=tuple(preset.prepared() for preset in self.presets),
        )
