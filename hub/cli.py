"""The command line. Heavy imports wait for the command that needs them, so that ``hub search`` starts fast."""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hub.errors import AlienPayload, DataError, HubError, StoreError
from hub.logs import set_up_logs

if TYPE_CHECKING:
    from bot.knowledge import KnowledgeBase
    from handoff.calendar import Calendar
    from hub.backup import Place
    from hub.ports import Store
    from hub.settings import Settings

T = TypeVar("T")
AUDIT_PAGE = 1_000
Command = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(arguments)
    except DataError as error:
        _complain(str(error), *error.problems)
        return 1
    except AlienPayload as error:
        _complain(str(error))
        return 2
    except HubError as error:
        _complain(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `| head` closed the pipe
        sys.stderr.close()
        return 0


def _complain(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"hub: {line}\n")


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hub", description="Hub 1022: omnichannel chatbot and messaging hub"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str, parent: "argparse._SubParsersAction[argparse.ArgumentParser]"
            = commands) -> argparse.ArgumentParser:  # fmt: skip
        sub = parent.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        sub.add_argument("--data", type=Path, default=None, metavar="DIR", help="data folder (default: var)")
        return sub

    up = add("up", _up, "bring everything up on this machine")
    up.add_argument("--port", type=int, default=None)
    serve = add("serve", _serve, "pages, webhooks and live chats alone; workers run elsewhere")
    serve.add_argument("--port", type=int, default=None)
    add("worker", _worker, "workers and the bot alone: parse, answer, send")
    add("mail", _mail, "the mailbox readers alone")
    normalize = add("normalize", _normalize, "a raw webhook body or mail to normalised events, as JSON lines")
    normalize.add_argument("channel")
    normalize.add_argument("file", type=Path)
    ask = add("ask", _ask, "ask the bot; without TEXT, JSON lines on stdin")
    ask.add_argument("text", nargs="?")
    ask.add_argument("--json", action="store_true")
    search = add("search", _search, "search the procedures; without QUERY, JSON lines on stdin")
    search.add_argument("query", nargs="?")
    search.add_argument("--json", action="store_true")
    evaluate = add("eval", _eval, "measure the bot on the held-out sets and compare with the last run")
    evaluate.add_argument("--fast", action="store_true", help="the knowledge search alone, without Rasa")
    evaluate.add_argument(
        "--gate", action="store_true", help="exit 1 when a figure fell more than its margin"
    )
    evaluate.add_argument("--keep", action="store_true", help="make this run the one to compare with")
    evaluate.add_argument("--report", type=Path, metavar="FILE", help="write the HTML report there")
    evaluate.add_argument("--json", action="store_true")
    deadline = add(
        "deadline", _deadline, "a deadline and how it is counted; without --received, JSON lines on stdin"
    )
    deadline.add_argument("--received", metavar="ISO")
    deadline.add_argument("--hours", type=float, metavar="N")
    deadline.add_argument("--paused", action="extend", nargs="+", default=[], metavar="ISO/ISO")
    deadline.add_argument("--json", action="store_true")
    reconcile = add(
        "reconcile", _reconcile, "balance the books; exit 1 if anything is missing, doubled or stuck"
    )
    reconcile.add_argument("--json", action="store_true")
    kb = commands.add_parser("kb", help="knowledge base").add_subparsers(required=True, metavar="COMMAND")
    add("check", _kb_check, "check the product's own knowledge files", kb)
    imported = add("import", _kb_import, "import procedures (YAML, JSON, CSV, XLSX), all or nothing", kb)
    imported.add_argument("file", type=Path)
    imported.add_argument(
        "--replace-edits", action="store_true", help="also replace entries that were edited in the console"
    )
    zalo = commands.add_parser("zalo", help="the Zalo OA channel").add_subparsers(
        required=True, metavar="COMMAND"
    )
    add("login", _zalo_login, "ask the OA's administrator for consent, and keep the tokens", zalo)
    add("status", _zalo_status, "how long the tokens are good; exit 1 if consent is needed", zalo)
    saved = add("backup", _backup, "save everything to one file, while the hub runs (SQLite store)")
    saved.add_argument("file", type=Path)
    restored = add("restore", _restore, "bring a backup back into an empty data folder")
    restored.add_argument("file", type=Path)
    stores = commands.add_parser("store", help="where everything is kept").add_subparsers(
        required=True, metavar="COMMAND"
    )
    copied = add(
        "copy", _store_copy, "move a whole installation to another store; run again to go on", stores
    )
    copied.add_argument("source", metavar="FROM", help="as in HUB_STORE_URL: sqlite:///path or mongodb://…")
    copied.add_argument("target", metavar="TO", help="a new, empty store")
    audit = commands.add_parser("audit", help="the audit log").add_subparsers(
        required=True, metavar="COMMAND"
    )
    verified = add("verify", _audit_verify, "prove that no entry was changed, removed or inserted", audit)
    verified.add_argument(
        "--noted", metavar="N:HASH", help="what an earlier run printed: also proves that nothing was cut off"
    )
    aside = commands.add_parser("quarantine", help="deliveries that could not be read").add_subparsers(
        required=True, metavar="COMMAND"
    )
    listed = add("list", _quarantine_list, "what was put aside, and why", aside)
    listed.add_argument("--json", action="store_true")
    shown = add("show", _quarantine_show, "the bytes of one, as they came, on standard output", aside)
    shown.add_argument("id")
    replayed = add("replay", _quarantine_replay, "have them read again; without ID, all of them", aside)
    replayed.add_argument("ids", nargs="*", metavar="ID")
    staff = commands.add_parser("staff", help="people who work here").add_subparsers(
        required=True, metavar="COMMAND"
    )
    added = add("add", _staff_add, "add a person; prints a one-time password", staff)
    added.add_argument("login")
    added.add_argument("name")
    added.add_argument("--role", choices=("operator", "supervisor", "editor", "admin"), default="operator")
    reset = add("reset-password", _staff_reset, "give a person a new one-time password", staff)
    reset.add_argument("login")
    reset.add_argument(
        "--second-factor", action="store_true", help="also take off the second factor: the phone is lost"
    )
    return parser


def _settings(arguments: argparse.Namespace) -> "Settings":
    from hub.wiring import read_settings

    given = {"data": arguments.data, "port": getattr(arguments, "port", None)}
    return read_settings(**{name: value for name, value in given.items() if value is not None})


def _up(arguments: argparse.Namespace) -> int:
    return _run(arguments, pages=True, work=True, mail=True)


def _serve(arguments: argparse.Namespace) -> int:
    return _run(arguments, pages=True, work=False, mail=False)


def _worker(arguments: argparse.Namespace) -> int:
    return _run(arguments, pages=False, work=True, mail=False)


def _mail(arguments: argparse.Namespace) -> int:
    return _run(arguments, pages=False, work=False, mail=True)


def _run(arguments: argparse.Namespace, *, pages: bool, work: bool, mail: bool) -> int:
    import uvloop

    from hub.up import up

    settings = _settings(arguments)
    set_up_logs(settings.log_level)
    uvloop.run(up(settings, pages=pages, work=work, mail=mail))
    return 0


def _normalize(arguments: argparse.Namespace) -> int:
    from hub.clock import iso_utc
    from hub.wiring import normalized

    try:
        body = arguments.file.read_bytes()
    except OSError as error:
        raise AlienPayload(f"{arguments.file}: {error.strerror}") from None
    for event in normalized(_settings(arguments), arguments.channel, body):
        line = event.model_dump(mode="json")
        line["sent_at"] = iso_utc(event.sent_at) if event.sent_at is not None else None
        line["attachments"] = [one.shown() for one in event.attachments]
        _out(json.dumps(line, ensure_ascii=False))
    return 0


def _ask(arguments: argparse.Namespace) -> int:
    from hub.ask import answers, as_json, read_lines
    from hub.clock import SystemClock
    from hub.up import private_bot
    from hub.wiring import LETTERS

    asked = [{"id": None, "text": arguments.text}] if arguments.text is not None else read_lines(sys.stdin)
    settings = _settings(arguments)
    set_up_logs("ERROR")

    async def run() -> None:
        async with private_bot(settings) as bot:
            async for item, answer in answers(bot, asked, SystemClock(), settings.bot_budget_s, LETTERS):
                line = as_json(item["id"], answer)
                if arguments.json or arguments.text is None:
                    _out(json.dumps(line, ensure_ascii=False))
                else:
                    _out(line["answer"] or "")
                    for button in line["buttons"]:
                        _out(f"  [ {button['title']} ]")

    asyncio.run(run())
    return 0


def _eval(arguments: argparse.Namespace) -> int:
    from collections import Counter

    from bot import evaluation
    from bot.knowledge import KnowledgeBase, seed_docs
    from hub.ask import answers, as_json
    from hub.clock import SystemClock
    from hub.up import private_bot

    sets = evaluation.load_sets()
    figures = evaluation.search_figures(KnowledgeBase.build(seed_docs()), sets)
    confusions: evaluation.Confusions = Counter()
    settings = _settings(arguments)
    set_up_logs("ERROR")

    async def ask_all() -> list[dict[str, object]]:
        async with private_bot(settings) as bot:
            lines = answers(bot, evaluation.asked_lines(sets), SystemClock(), settings.bot_budget_s)
            return [as_json(item["id"], answer) async for item, answer in lines]

    if not arguments.fast:
        turns, confusions = evaluation.turn_figures(sets, asyncio.run(ask_all()))
        figures |= turns
    before = evaluation.load_last()
    fallen = evaluation.fallen(figures, before)
    if arguments.report:
        arguments.report.write_text(evaluation.as_html(figures, before, confusions, fallen), encoding="utf-8")
    if arguments.keep:
        evaluation.save(figures, confusions)
    if arguments.json:
        _out(json.dumps(evaluation.as_json(figures, confusions) | {"fallen": fallen}, ensure_ascii=False))
    else:
        for name, figure in figures.items():
            was = f"   was {before[name].value:.3f}" if name in before else ""
            _out(f"{name:34} {figure.value:.3f}  n={figure.n:<4} ±{figure.spread:.3f}{was}")
        for (right, taken), count in confusions.most_common(20):
            _out(f"{count:4} × {right} → {taken}")
    for line in fallen:
        _complain(f"fell: {line}")
    return 1 if arguments.gate and fallen else 0


def _search(arguments: argparse.Namespace) -> int:
    knowledge = _knowledge(arguments)

    def found(id_: object, query: str) -> str:
        hits = knowledge.search(query, limit=10)
        return json.dumps(
            {
                "id": id_,
                "procedures": [hit.id for hit in hits],
                "scores": [round(hit.score, 4) for hit in hits],
            },
            ensure_ascii=False,
        )

    if arguments.query is None:
        for item in _queries(sys.stdin):
            _out(found(item["id"], item["query"]))
    elif arguments.json:
        _out(found(None, arguments.query))
    else:
        for hit in knowledge.search(arguments.query, limit=10):
            _out(f"{hit.score:6.3f}  {hit.id}  {hit.title}")
    return 0


def _queries(lines: Iterable[str]) -> Iterable[dict[str, str]]:
    for number, line in enumerate(lines, 1):
        with contextlib.suppress(ValueError):
            item = json.loads(line)
            if isinstance(item, dict) and isinstance(item.get("query"), str) and "id" in item:
                yield item
                continue
        if line.strip():
            raise AlienPayload(f'line {number} must be a JSON object with "id" and "query"')


def _knowledge(arguments: argparse.Namespace) -> "KnowledgeBase":
    """What the running hub would search: the store's entries, or the product's own where there is none yet."""
    from bot.knowledge import KnowledgeBase, seed_docs

    settings = _settings(arguments)
    if not settings.store_url and not (settings.data / "hub.db").exists():
        return KnowledgeBase.build(seed_docs())
    docs = _with_store(settings, lambda store: store.knowledge())
    return KnowledgeBase.build(docs or seed_docs())


def _deadline(arguments: argparse.Namespace) -> int:
    from handoff.calendar import OFFICES
    from handoff.explain import as_json, as_text, asked, explained, read_lines

    calendar = _calendars(arguments)[OFFICES]
    if arguments.received is None:
        for number, item in read_lines(sys.stdin):
            found = explained(calendar, item, f"line {number}")
            _out(json.dumps({"id": item["id"]} | as_json(found), ensure_ascii=False))
        return 0
    found = explained(calendar, asked(arguments.received, arguments.hours, arguments.paused), "deadline")
    for line in [json.dumps(as_json(found), ensure_ascii=False)] if arguments.json else as_text(found):
        _out(line)
    return 0


def _calendars(arguments: argparse.Namespace) -> "dict[str, Calendar]":
    """Those the running hub counts by: the store's, or the product's own where there is no store yet."""
    from handoff.calendar import calendars, product_calendar
    from handoff.rules import calendars_of

    settings = _settings(arguments)
    if not settings.store_url and not (settings.data / "hub.db").exists():
        return calendars(product_calendar())
    return _with_store(settings, calendars_of)


def _reconcile(arguments: argparse.Namespace) -> int:
    from hub.clock import SystemClock
    from hub.reconcile import STUCK_AFTER_MS, as_json_lines, as_table

    books = _with_store(
        _settings(arguments), lambda store: store.books(now=SystemClock().now(), grace_ms=STUCK_AFTER_MS)
    )
    for line in as_json_lines(books) if arguments.json else as_table(books):
        _out(line)
    return 1 if books.problems else 0


def _kb_check(arguments: argparse.Namespace) -> int:
    from bot.knowledge import check

    problems = check()
    if problems:
        raise DataError(f"{len(problems)} problems in the knowledge files", tuple(problems))
    _out("the knowledge files are in order")
    return 0


def _kb_import(arguments: argparse.Namespace) -> int:
    from hub.clock import SystemClock
    from hub.kb import import_file

    done = _with_store(
        _settings(arguments),
        lambda store: import_file(
            store, arguments.file, over_edits=arguments.replace_edits, now=SystemClock().now()
        ),
    )
    _out(f"{done.procedures} procedures imported; a running hub uses them within seconds")
    if done.kept:
        _out(f"kept as edited in the console (--replace-edits takes the file's): {', '.join(done.kept)}")
    if done.replaced:
        _out(f"replaced what was edited in the console, to be undone there: {', '.join(done.replaced)}")
    return 0


def _zalo_login(arguments: argparse.Namespace) -> int:
    from hub.zalo_admin import login

    settings = _settings(arguments)
    set_up_logs("ERROR")
    asyncio.run(login(settings, _out))
    return 0


def _zalo_status(arguments: argparse.Namespace) -> int:
    from hub.zalo_admin import status

    settings = _settings(arguments)
    set_up_logs("ERROR")
    return 0 if asyncio.run(status(settings, _out)) else 1


def _quarantine_list(arguments: argparse.Namespace) -> int:
    from hub.quarantine import listed

    for line in asyncio.run(listed(_settings(arguments), as_json=arguments.json)):
        _out(line)
    return 0


def _quarantine_show(arguments: argparse.Namespace) -> int:
    from hub.quarantine import body_of

    sys.stdout.buffer.write(asyncio.run(body_of(_settings(arguments), arguments.id)))
    sys.stdout.buffer.flush()
    return 0


def _quarantine_replay(arguments: argparse.Namespace) -> int:
    from hub.quarantine import replay

    _out(asyncio.run(replay(_settings(arguments), arguments.ids)))
    return 0


def _staff_add(arguments: argparse.Namespace) -> int:
    from handoff.accounts import add_staff

    password = _with_store(
        _settings(arguments), lambda store: add_staff(store, arguments.login, arguments.name, arguments.role)
    )
    _out(f"one-time password of {arguments.login}: {password}")
    return 0


def _staff_reset(arguments: argparse.Namespace) -> int:
    from handoff.accounts import reset_password
    from hub.audit import AuditNote
    from hub.clock import SystemClock

    async def run(store: "Store") -> str:
        password, staff_id = await reset_password(
            store, arguments.login, second_factor=arguments.second_factor
        )
        facts = {"second_factor": arguments.second_factor}
        await store.append_audit(
            AuditNote(
                at=SystemClock().now(),
                actor="system",
                action="staff.password_reset",
                target=staff_id,
                facts=facts,
            )
        )
        return password

    password = _with_store(_settings(arguments), run)
    _out(f"one-time password of {arguments.login}: {password}")
    return 0


def _audit_verify(arguments: argparse.Namespace) -> int:
    from hub.audit import NOTHING, broken

    noted_n, _, noted_hash = (arguments.noted or f"0:{NOTHING}").partition(":")
    if not noted_n.isdigit() or len(noted_hash) != len(NOTHING):
        raise DataError("--noted is what an earlier run printed: N:HASH")

    async def run(store: "Store") -> tuple[int, str]:
        last = (0, NOTHING)
        met = {0: NOTHING}.get(int(noted_n))
        while page := await store.audit_after(last[0], limit=AUDIT_PAGE):
            if (at := broken(page, last)) is not None:
                raise DataError(
                    f"the audit log is broken at entry {at}: somebody has changed the store by hand"
                )
            last = (page[-1].n, page[-1].hash)
            met = next((entry.hash for entry in page if entry.n == int(noted_n)), met)
        if met != noted_hash:
            raise DataError(f"the audit log does not contain entry {noted_n} as it was noted")
        return last

    n, hash_ = _with_store(_settings(arguments), run)
    _out(f"{n} entries, none changed. Note this elsewhere: {n}:{hash_}")
    return 0


def _backup(arguments: argparse.Namespace) -> int:
    from hub.backup import backup

    saved = backup(_place(arguments), arguments.file)
    _out(f"{arguments.file}: {saved.messages:,} messages, {saved.files:,} files, {saved.size:,} bytes")
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from hub.backup import restore

    back = restore(_place(arguments), arguments.file)
    _out(f"{back.messages:,} messages and {back.files:,} files are back.")
    if back.unsent:
        _out(f"{back.unsent:,} replies had not been sent then: the hub sends them when it starts.")
    return 0


def _place(arguments: argparse.Namespace) -> "Place":
    from hub.backup import Place
    from hub.store import file_of

    settings = _settings(arguments)
    database = file_of(settings.store_url, settings.data)
    if database is None:
        raise StoreError(
            "this store is MongoDB: use mongodump and mongorestore, and keep secret.key (docs/stores.md)"
        )
    return Place(database, settings.data)


def _store_copy(arguments: argparse.Namespace) -> int:
    from hub.clock import SystemClock
    from hub.store import movable_for, name_of
    from hub.store.moving import copy

    data = _settings(arguments).data
    urls = (arguments.source, arguments.target)
    names = [name_of(url, data) for url in urls]
    if names[0] == names[1]:
        raise StoreError(f"{names[0]} cannot be copied to itself")
    source, target = (movable_for(url, data) for url in urls)

    async def run() -> None:
        async with contextlib.AsyncExitStack() as cleanup:
            for store in (source, target):
                await store.open()
                cleanup.push_async_callback(store.close)
            await copy(source, target, name=names[0], now=SystemClock().now(), tell=_out)

    asyncio.run(run())
    _out(
        f"Copied and compared. Now set HUB_STORE_URL to {names[1]} (with its credentials) and start the hub."
    )
    return 0


def _with_store(settings: "Settings", work: Callable[["Store"], Awaitable[T]]) -> T:
    """Open the store, do one thing, close it."""
    from hub.store import store_for

    store = store_for(settings.store_url, settings.data)

    async def run() -> T:
        await store.open()
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


if __name__ == "__main__":
    sys.exit(main())
