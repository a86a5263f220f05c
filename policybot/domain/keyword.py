"""The categories and keywords by which the EU sorts what is moderated, in its reports and its database.

They are those of part 2 of the templates in annex I of Implementing Regulation (EU) 2024/2835, in its
order, with its names; the database of statements takes the same. Nothing is looked for or decided by
them: an operator may name one beside a rule, so that reports to the EU can be sorted.
"""

from collections.abc import Iterator
from dataclasses import dataclass

OTHER = "KEYWORD_OTHER"
"""Of every category: what none of its keywords says."""
OF_TERMS = "STATEMENT_CATEGORY_OTHER_VIOLATION_TC"
"""What no law forbids, but the provider's terms do."""
OF_ORDERS = "STATEMENT_CATEGORY_NOT_SPECIFIED_ORDER"
OF_NOTICES = "STATEMENT_CATEGORY_NOT_SPECIFIED_NOTICE"


@dataclass(frozen=True, slots=True)
class Category:
    """A category, and the keywords that tell more."""

    code: str
    name: str
    keywords: tuple[tuple[str, str], ...] = ()
    """Each with what it is called."""


_LISTED = """
ANIMAL_WELFARE Animal welfare
- ANIMAL_HARM Animal harm
- UNLAWFUL_SALE_ANIMALS Unlawful sale of animals
CONSUMER_INFORMATION Consumer information infringements
- HIDDEN_ADVERTISEMENT Hidden advertisement or commercial communication, including by influencers
- INSUFFICIENT_INFORMATION_ON_TRADERS Insufficient information on traders
- MISLEADING_INFO_GOODS_SERVICES Misleading information about the characteristics of the goods and \
services
- MISLEADING_INFO_CONSUMER_RIGHTS Misleading information about the consumer’s rights
- NONCOMPLIANCE_PRICING Non-compliance with pricing regulations
CYBER_VIOLENCE Cyber violence
- CYBER_BULLYING_INTIMIDATION Cyber bullying and intimidation
- CYBER_HARASSMENT Cyber harassment
- CYBER_INCITEMENT Cyber incitement to hatred or violence
- CYBER_STALKING Cyber stalking
- NON_CONSENSUAL_IMAGE_SHARING Non-consensual (intimate) material sharing, including (image-based) \
sexual abuse (excluding content depicting minors)
- NON_CONSENSUAL_MATERIAL_DEEPFAKE Non-consensual sharing of material containing deepfake or similar \
technology using a third party's features (excluding content depicting minors)
CYBER_VIOLENCE_AGAINST_WOMEN Cyber violence against women
- BULLYING_AGAINST_GIRLS Cyber bullying and intimidation against girls
- CYBER_HARASSMENT_AGAINST_WOMEN Cyber harassment against women
- CYBER_STALKING_AGAINST_WOMEN Cyber stalking against women
- FEMALE_GENDERED_DISINFORMATION Gendered disinformation
- INCITEMENT_AGAINST_WOMEN Illegal incitement to violence and hatred against women
- NON_CONSENSUAL_IMAGE_SHARING_AGAINST_WOMEN Non-consensual (intimate) material sharing against women, \
including (image-based) sexual abuse against women (excluding content depicting minors)
- NON_CONSENSUAL_MATERIAL_DEEPFAKE_AGAINST_WOMEN Non-consensual sharing of material containing deepfake \
or similar technology using a third party's features against women (excluding content depicting minors)
DATA_PROTECTION_AND_PRIVACY_VIOLATIONS Data protection and privacy violations
- BIOMETRIC_DATA_BREACH Biometric data breach
- DATA_FALSIFICATION Data falsification
- MISSING_PROCESSING_GROUND Missing processing ground for data
- RIGHT_TO_BE_FORGOTTEN Right to be forgotten
ILLEGAL_OR_HARMFUL_SPEECH Illegal or harmful speech
- DEFAMATION Defamation
- DISCRIMINATION Discrimination
- HATE_SPEECH Illegal incitement to violence and hatred based on protected characteristics (hate speech)
INTELLECTUAL_PROPERTY_INFRINGEMENTS Intellectual property infringements
- COPYRIGHT_INFRINGEMENT Copyright infringements
- DESIGN_INFRINGEMENT Design infringements
- GEOGRAPHIC_INDICATIONS_INFRINGEMENT Geographical indications infringements
- PATENT_INFRINGEMENT Patent infringements
- TRADE_SECRET_INFRINGEMENT Trade secret infringements
- TRADEMARK_INFRINGEMENT Trademark infringements
NEGATIVE_EFFECTS_ON_CIVIC_DISCOURSE_OR_ELECTIONS Negative effects on civic discourse or elections
- MISINFORMATION_DISINFORMATION Misinformation, disinformation, foreign information manipulation and \
interference
- VIOLATION_EU_LAW Violation of EU law relevant to civic discourse or elections
- VIOLATION_NATIONAL_LAW Violation of national law relevant to civic discourse or elections
PROTECTION_OF_MINORS Protection of minors
- AGE_SPECIFIC_RESTRICTIONS_MINORS Age-specific restrictions concerning minors
- CHILD_SEXUAL_ABUSE_MATERIAL Child sexual abuse material
- CHILD_SEXUAL_ABUSE_MATERIAL_DEEPFAKE Child sexual abuse material containing deepfake or similar \
technology
- GROOMING_SEXUAL_ENTICEMENT_MINORS Grooming/sexual enticement of minors
- UNSAFE_CHALLENGES Unsafe challenges
RISK_FOR_PUBLIC_SECURITY Risk for public security
- ILLEGAL_ORGANIZATIONS Illegal organizations
- RISK_ENVIRONMENTAL_DAMAGE Risk for environmental damage
- RISK_PUBLIC_HEALTH Risk for public health
- TERRORIST_CONTENT Terrorist content
SCAMS_AND_FRAUD Scams and/or fraud
- IMPERSONATION_ACCOUNT_HIJACKING Impersonation or account hijacking
- INAUTHENTIC_ACCOUNTS Inauthentic accounts
- INAUTHENTIC_LISTINGS Inauthentic listings
- INAUTHENTIC_USER_REVIEWS Inauthentic user reviews
- PHISHING Phishing
- PYRAMID_SCHEMES Pyramid schemes
SELF_HARM Self-harm
- CONTENT_PROMOTING_EATING_DISORDERS Content promoting eating disorders
- SELF_MUTILATION Self-mutilation
- SUICIDE Suicide
UNSAFE_AND_PROHIBITED_PRODUCTS Unsafe, non-compliant or prohibited products
- PROHIBITED_PRODUCTS Prohibited or restricted products
- UNSAFE_PRODUCTS Unsafe or non-compliant products
VIOLENCE Violence
- COORDINATED_HARM Coordinated harm
- INCITEMENT_VIOLENCE_HATRED General calls or incitement to violence and/or hatred
- HUMAN_EXPLOITATION Human exploitation
- HUMAN_TRAFFICKING Human trafficking
- TRAFFICKING_WOMEN_GIRLS Trafficking in women and girls
OTHER_VIOLATION_TC Other violation of provider’s terms and conditions
- ADULT_SEXUAL_MATERIAL Adult sexual material
- AGE_SPECIFIC_RESTRICTIONS Age-specific restrictions
- GEOGRAPHICAL_REQUIREMENTS Geographical requirements
- GOODS_SERVICES_NOT_PERMITTED Goods/services not permitted to be offered on the platform
- LANGUAGE_REQUIREMENTS Language requirements
- NUDITY Nudity
"""


def _read() -> Iterator[Category]:
    for one in f"\n{_LISTED.strip()}".replace("\n- ", "\t").splitlines()[1:]:
        (code, name), *keywords = [said.split(" ", 1) for said in one.split("\t")]
        told = [(f"KEYWORD_{word}", said) for word, said in keywords]
        other = (OTHER, "Not captured by any other sub-category")
        yield Category(f"STATEMENT_CATEGORY_{code}", name, (*told, other))


CATEGORIES = (
    *_read(),
    Category(OF_ORDERS, "Type of illegal content not specified by the public authority"),
    Category(OF_NOTICES, "Type of alleged illegal content not specified by the notifier"),
)
"""All of them, in their order."""
_KEYWORDS = {one.code: tuple(code for code, _ in one.keywords) for one in CATEGORIES}


def keywords(category: str | None) -> tuple[str, ...]:
    """List the keywords of a category; none if it has none or is none of them."""
    return _KEYWORDS.get(category or "", ())
