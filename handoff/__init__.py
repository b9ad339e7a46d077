"""The human half: tickets, deadlines, agencies, operators. Rules only; pages, mails and jobs call them.

``acts``        what can be done to a ticket, as values, and who does it (``Actor``)
``lifecycle``   ``apply(ticket, act, actor, at, rules)`` → the change, or ``Refused`` (its text is for people)
``clocks``      the citizen's and the agency's clock, read from the history; ``explained`` says how they were counted
``casework``    ``Casework.do / merge / split / reopen``: acts on stored tickets; safe to repeat with the same key, safe
                beside others. ``tell_merged`` and ``hear_citizens`` are for the scheduler
``petitions``   what came with the citizens' form becomes a ticket at once
``rating``      how content the citizen is, asked under the closing message
``desk``        the operator's acts on a conversation (take, reply, note, hand back, close) as turns
``tickets``     how tickets are opened, numbered and told
``duty``        who is there, and what is promised when nobody is
``assignment``  ``Dispatcher``: gives waiting tickets to operators by presence, skill, room and load
``watch``       ``Watch``: the scheduler's job: warnings at 50 and 80 %, escalation, calendar alarm
``links``       ``Links``: signed links by which an agency answers one case without an account
``rules``       ``Rules`` in force: calendars, categories, agencies, routing, policies; ``load``, ``save``, ``LiveRules``
``routing``     category × commune → agency, as data; ``Router.route`` suggests, a person forwards
``agencies``    agencies and commune units, what is part of what
``calendar``    working days and hours; ``deadline`` counts them; ``explain`` is ``hub deadline``
``accounts``    staff accounts and passwords

A page that forwards a case, say: ``await hub.casework.do(ticket, acts.Forward(agency=…), actor, form["key"])``. An
agency's page from a link: ``links.ticket_of(token)`` → the ticket → ``links.holder(token, ticket, now)`` → the actor for
``acts.Accept``, ``acts.Propose`` and ``acts.Return``. Lists come from ``store.find_tickets(TicketQuery(…), limit=…)``: an
agency's cases (``agencies``), what waits for review (``proposed``), what was escalated (``escalated``), overdue ones
(``due_until``). Consoles tell that an operator is there with ``store.put_presence`` more often than ``duty.SEEN_MS``.
"""
