"""The aiohttp application: every room of the web, one set of limits."""

from aiohttp import web

from hub.web import (
    admin,
    admin_agencies,
    admin_api,
    admin_audit,
    admin_calendar,
    admin_canned,
    admin_routing,
    admin_storm,
    admin_users,
    agency,
    agency_link,
    auth,
    channel_pages,
    chat,
    console,
    console_alarms,
    console_bell,
    console_cases,
    console_consents,
    console_files,
    console_helps,
    console_inbox,
    console_knowledge,
    console_knowledge_edit,
    console_knowledge_proposals,
    console_knowledge_review,
    console_knowledge_training,
    console_marks,
    console_moderation,
    console_person,
    console_phone,
    console_presence,
    console_search,
    console_views,
    console_whole,
    health,
    home,
    petition,
    public_figures,
    reports,
    second_factor,
    status,
    webhooks,
)
from hub.web.api import open311
from hub.web.api import server as api
from hub.web.context import HUB, Hub
from hub.web.pages import FRAME_ANCESTORS, security_headers, static_routes

MAX_BODY_BYTES = 16 * 1024 * 1024  # a batch of webhook updates; aiohttp's own limit of 1 MiB would refuse it

#: Rooms for those who decide.
ADMIN = (
    admin,
    admin_storm,
    admin_canned,
    admin_calendar,
    admin_routing,
    admin_agencies,
    admin_users,
    admin_api,
    admin_audit,
)
#: Rooms for staff.
CONSOLE = (
    agency,
    *ADMIN,
    console,
    console_alarms,
    console_bell,
    console_cases,
    console_consents,
    console_files,
    console_helps,
    console_inbox,
    console_moderation,
    console_knowledge,
    console_knowledge_edit,
    console_knowledge_proposals,
    console_knowledge_review,
    console_knowledge_training,
    console_marks,
    console_person,
    console_phone,
    console_presence,
    console_search,
    console_views,
    console_whole,
    reports,
)


def make_app(hub: Hub) -> web.Application:
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[security_headers])
    app[HUB] = hub
    app[FRAME_ANCESTORS] = " ".join(("'self'", *hub.settings.chat_origins))
    for room in (
        health,
        webhooks,
        home,
        status,
        petition,
        public_figures,
        chat,
        agency_link,
        auth,
        second_factor,
        api,
        open311,
        *CONSOLE,
    ):
        app.add_routes(room.routes())
    app.add_routes(channel_pages.routes(hub.connectors))
    app.add_routes(static_routes())
    public_figures.prepare(app)
    app.on_shutdown.append(chat.close_all)
    app.on_shutdown.append(console.close_all)
    return app
