"""Counters for ``/metrics`` (Prometheus). Labels are channels and outcomes, never people."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.received = Counter(
            "hub_deliveries", "Raw deliveries received", ["channel", "result"], registry=r
        )
        self.events = Counter("hub_events", "Events taken in", ["channel", "result"], registry=r)
        self.turns = Counter("hub_turns", "Turns committed", ["actor", "outcome"], registry=r)
        self.turn_seconds = Histogram("hub_turn_seconds", "From lease to committed turn", registry=r)
        self.bot_failures = Counter("hub_bot_failures", "Bot turns that failed", ["reason"], registry=r)
        self.sends = Counter("hub_sends", "Outcomes of sends", ["channel", "result"], registry=r)
        self.spooled = Gauge("hub_spooled_bytes", "Deliveries waiting in the local spool", registry=r)
        self.chats = Gauge("hub_open_chats", "Open live-chat sockets", registry=r)
        self.rasa_up = Gauge("hub_rasa_up", "1 while Rasa answers", registry=r)
        self.logins = Counter("hub_logins", "Staff logins", ["result"], registry=r)
        self.alarms = Gauge("hub_alarm", "1 while people have to act", ["what"], registry=r)
