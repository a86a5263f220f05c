"""The doors to the outside put together: the ways in, the pages for people, the clients of providers."""

from collections.abc import Sequence

import aiohttp
from aiohttp import web

from policybot.config import Config
from policybot.config.oidc import MasSection, ProviderSection, WidgetSection
from policybot.domain.private import Private
from policybot.gate.callbacks import AntispamDoor
from policybot.gate.door import ModuleDoor, Token
from policybot.identity.account import MasLogin, OpenIdToken
from policybot.identity.callback import CallbackWay
from policybot.identity.document import ChildCleaner, DocumentWay
from policybot.identity.oidc import OidcWay
from policybot.identity.provider import Client as OpenIdClient
from policybot.identity.provider import Provider
from policybot.identity.roster import RosterWay
from policybot.matrix.commands.command import Services
from policybot.matrix.relay import Relay
from policybot.ports import Clock, IdentityProvider, RoomReader
from policybot.services.setting import Setting
from policybot.store.database import Database
from policybot.web.about import About
from policybot.web.agreement import AgreementPages
from policybot.web.appeal import AppealPages
from policybot.web.console import ConsolePages
from policybot.web.console import Desk as ConsoleDesk
from policybot.web.console_acts import Acting
from policybot.web.console_appeal import AppealDesk, Reviewing
from policybot.web.console_case import CasePages
from policybot.web.console_picture import PicturePages
from policybot.web.console_proof import ProofPages
from policybot.web.desk import DeskPages
from policybot.web.filing import Asking, FilingForm
from policybot.web.inbox import InboxDoor
from policybot.web.privacy import PrivacyPages
from policybot.web.referral import ReferralPages
from policybot.web.register import RegisterPages
from policybot.web.report import ReportPages
from policybot.web.review import Review
from policybot.web.site import Site
from policybot.web.tools import ToolDoor
from policybot.web.transparency import TransparencyPages
from policybot.web.upload import Upload
from policybot.web.verify import Verify
from policybot.web.widget import Widget


def openid_provider(config: Config, section: ProviderSection | MasSection, now: Clock) -> Provider:
    """Make the client of a provider."""
    secret = section.client_secret
    client = OpenIdClient(
        issuer=section.issuer,
        id=section.client_id,
        secret=None if secret is None else Private(secret.get_secret_value()),
        redirect_uri=f"{config.web.public_url}/verify/back",
    )
    return Provider(client, now)


def openid_token(config: Config, section: WidgetSection) -> OpenIdToken:
    """Make the check of clients' tokens."""
    address = section.homeserver or config.homeserver.address
    return OpenIdToken(address, config.homeserver.server_name)


def gate(setting: Setting, services: Services, database: Database) -> list[web.RouteDef]:
    """Make the routes at which the homeserver asks before it accepts something, if there is a gate."""
    section = setting.config.gate
    if section is None:
        return []
    token = Token(section)
    return [
        *ModuleDoor(token, setting, database, services.feed, services.refusals).routes(),
        *AntispamDoor(token, setting, services.findings, services.refusals).routes(),
    ]


def relay(
    setting: Setting,
    services: Services,
    database: Database,
    reader: RoomReader,
    session: aiohttp.ClientSession,
) -> list[web.RouteDef]:
    """Make the routes to which a reverse proxy sends clients' reports, if it is said to."""
    if not setting.config.reports.proxy:
        return []
    return Relay(setting, database, services.intake, reader, session).routes()


def ways(setting: Setting, services: Services, database: Database) -> list[IdentityProvider]:
    """Make the ways in that the configuration offers, in the order of the page."""
    config, now = setting.config, setting.now
    offered = config.identity
    found: list[IdentityProvider] = []
    if offered.roster is not None:
        found.append(RosterWay(offered.roster.title, services.roster, database))
    for section in offered.oidc:
        provider = openid_provider(config, section, now)
        found.append(OidcWay(section, offered.keep, provider, now))
    if offered.callback is not None:
        found.append(CallbackWay(offered.callback, setting, services.results, database))
    if offered.document is not None:
        found.append(DocumentWay(offered.document.title))
    return found


def pages(
    setting: Setting,
    services: Services,
    database: Database,
    offered: Sequence[IdentityProvider],
    reader: RoomReader,
) -> web.Application:
    """Put the pages for people together, with the ways in that they offer."""
    config, now = setting.config, setting.now
    site = Site(config)
    mas, framed = config.identity.binding.mas, config.identity.binding.widget
    login = None
    if mas is not None:
        login = MasLogin(openid_provider(config, mas, now), config.homeserver.server_name)
    verify = Verify(site, database, services.verifications, services.results, offered, login)
    private = PrivacyPages(site, database, services.reveals, services.exports, now)
    agreement = AgreementPages(site, services.agreements)
    listed = RegisterPages(site, database, services.register)
    about = About(site, database, services.staffing, services.checkpoints)
    figures = TransparencyPages(
        site, database, services.figures, services.policies, services.checkpoints
    )
    review = Review(site, database, services.documents, services.openings)
    cleaner = ChildCleaner()
    asked = Asking(services.drafts, services.applications, services.evidence, services.names)
    filing = FilingForm(site, database, asked, reader, cleaner)
    # Before the pages: its address looks like a link's.
    routes = [r for way in offered if isinstance(way, CallbackWay) for r in InboxDoor(way).routes()]
    routes += [
        *about.routes(),
        *figures.routes(),
        *listed.routes(),
        *agreement.routes(),
        *verify.routes(),
    ]
    routes += [*private.routes(), *review.routes(), *filing.routes()]
    routes += ReportPages(
        site, database, services.intake, reader, services.reports, services.complaints, services.hearings
    ).routes()
    routes += AppealPages(site, database, services.appeal_links, cleaner).routes()
    routes += ReferralPages(site, database, services.referrals, services.handouts).routes()
    routes += ToolDoor(config, database, services.intake, reader).routes()
    routes += DeskPages(site, database, services.desks, services.reviews, setting, reader).routes()
    at_desk = ConsoleDesk(
        site, database, services.consoles, services.entries, services.sheets, services.care
    )
    acting = Acting(
        services.cases,
        services.decisions,
        services.holds,
        services.approvals,
        services.quarantines,
        services.merges,
        setting,
    )
    routes += ConsolePages(at_desk).routes()
    routes += CasePages(at_desk, acting).routes()
    reviewing = Reviewing(
        services.hearings,
        services.rehearsals,
        services.copies,
        services.evidence,
        setting,
    )
    objections = AppealDesk(at_desk, reviewing)
    routes += objections.routes()
    routes += ProofPages(at_desk, objections, services.evidence, cleaner).routes()
    routes += PicturePages(at_desk, services.copies, cleaner).routes()
    if config.identity.document is not None:
        tries, papers = services.verifications, services.documents
        routes += Upload(site, database, tries, papers, cleaner, verify.code).routes()
    if framed is not None:
        tokens = openid_token(config, framed)
        routes += Widget(site, database, services.verifications, framed, tokens).routes()
    return site.application(routes)
