"""An aiosmtpd server that fails as a script says, and keeps what it took."""

import asyncio
import logging
import socket
from dataclasses import dataclass

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

# It tells of every connection that a fault ends.
logging.getLogger("mail.log").setLevel(logging.CRITICAL + 1)

USER, PASSWORD = "leadgauge", "correct horse battery staple"
# The end of a message that fails in the middle: more than one packet has come by then.
MIDDLE = 20_000


@dataclass
class Fault:
    """What happens at a step instead of the usual: MAIL, RCPT, DATA (before the message), TEXT (in
    the middle of it), END (after it, when the server has it) or AUTH."""

    step: str
    # A line to answer, or None: the connection ends.
    answer: str | None = None
    # Only for a recipient whose address begins so; no other step than MAIL and AUTH is without one.
    to: str = ""
    # How often; later the server does as usual.
    times: int = 1_000_000


class Faulty:
    """A server on a free port of this machine, from `with` on to its end."""

    def __init__(self, faults=(), pause=0.0, tls=None, starttls=None, login=False):
        self.faults = list(faults)
        self.pause = pause
        self.taken, self.logins = [], 0
        self.port = free_port()
        options = {"hostname": "127.0.0.1", "port": self.port, "ready_timeout": 20}
        if login:
            options |= {"authenticator": self.login, "auth_require_tls": False}
        keeper = self

        class Wired(Controller):
            def factory(self):
                return Session(keeper, self.handler, **self.SMTP_kwargs)

        self.controller = Wired(self, ssl_context=tls, tls_context=starttls, **options)

    def __enter__(self):
        self.controller.start()
        return self

    def __exit__(self, *_):
        self.controller.stop()

    def fault(self, step, recipient):
        for fault in self.faults:
            if fault.step == step and fault.times and (recipient or "").startswith(fault.to):
                fault.times -= 1
                return fault
        return None

    def login(self, server, session, envelope, mechanism, data):
        self.logins += 1
        right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        fault = self.fault("AUTH", None)
        if fault:
            return AuthResult(success=False, handled=False, message=fault.answer)
        return AuthResult(success=right)

    async def handle_MAIL(self, server, session, envelope, address, options):
        await asyncio.sleep(self.pause)
        envelope.mail_from = address
        return await server.fail("MAIL", None) or "250 2.1.0 fine"

    async def handle_RCPT(self, server, session, envelope, address, options):
        await asyncio.sleep(self.pause)
        answer = await server.fail("RCPT", address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 fine"

    async def handle_DATA(self, server, session, envelope):
        fault = self.fault("END", envelope.rcpt_tos[0])
        if fault and fault.answer:
            return fault.answer
        self.taken.append((tuple(envelope.rcpt_tos), envelope.content))
        # A server needs its time between having a message and saying so.
        await asyncio.sleep(self.pause)
        if fault:
            server.drop()
        return "250 2.0.0 taken"


class Session(SMTP):
    def __init__(self, keeper, *args, **options):
        self.keeper = keeper
        super().__init__(*args, **options)

    def drop(self):
        self.transport.abort()
        raise asyncio.CancelledError

    async def fail(self, step, recipient):
        """The answer of the step's fault, if there is one."""
        fault = self.keeper.fault(step, recipient)
        if fault and fault.answer is None:
            self.drop()
        return fault and fault.answer

    async def smtp_DATA(self, arg):
        recipients = self.envelope.rcpt_tos
        recipient = recipients[0] if recipients else None
        answer = await self.fail("DATA", recipient)
        if answer:
            return await self.push(answer)
        if self.keeper.fault("TEXT", recipient):
            await self.push("354 go on")
            await self._reader.readexactly(MIDDLE)
            self.drop()
        return await super().smtp_DATA(arg)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
