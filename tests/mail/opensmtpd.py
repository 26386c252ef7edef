"""OpenSMTPD on this machine, delivering into Maildirs. It must run as root, and once at a time.

In the clear: Debian 12's, built for OpenSSL 1.1, fails each TLS handshake under OpenSSL 3.
"""

import os
import re
import shutil
import smtplib
import subprocess
import time

from faulty import free_port

NOBODY = 65534


def is_here():
    return shutil.which("smtpd") and os.geteuid() == 0


class OpenSMTPD:
    """Knows the people named, and nobody else; `more` are lines of its configuration, `listening`
    words of its `listen`."""

    def __init__(self, folder, people, listening="", more=()):
        self.folder, self.port, self.process = folder, free_port(), None
        folder.mkdir(exist_ok=True)
        self.mails = folder / "mails"
        self.mails.mkdir(exist_ok=True)
        os.chown(self.mails, NOBODY, NOBODY)
        users = "".join(f"{name} {NOBODY}:{NOBODY}:{self.mails}\n" for name in people)
        (folder / "users").write_text(users)
        lines = [
            f"table users file:{folder / 'users'}",
            *more,
            f"listen on 127.0.0.1 port {self.port} {listening}",
            f'action keep maildir "{self.mails}/%{{rcpt.user}}" userbase <users>',
            'match from any for domain "acme.example" action keep',
        ]
        self.conf = folder / "smtpd.conf"
        self.conf.write_text("\n".join(lines) + "\n")

    def __enter__(self):
        self.log = open(self.folder / "log", "a")
        command = ["smtpd", "-d", "-f", str(self.conf)]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        wait(self.answers, "OpenSMTPD does not start", self.folder / "log")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError((self.folder / "log").read_text())
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as one:
                return one.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    def taken(self):
        """What came into the Maildirs, once nothing is on its way any more."""
        wait(self.is_idle, "OpenSMTPD's queue stays full", self.folder / "log")
        took = {}
        for path in sorted(self.mails.glob("*/new/*")):
            message = path.read_bytes()
            to = re.search(rb"^Delivered-To: (\S+)\s*$", message, re.M).group(1).decode()
            # What it took once and delivered twice, for it was stopped in between, has one id. The
            # stop can also end its own writing into the Maildir, which then keeps the part beside
            # the whole that comes later; what was taken as a part only is found by its defects.
            taken = re.search(rb"with ESMTP id ([0-9a-f]+)", message).group(1)
            if len(message) > len(took.get(taken, ((), b""))[1]):
                took[taken] = ((to,), message)
        return list(took.values())

    def is_idle(self):
        queue = subprocess.run(["smtpctl", "show", "queue"], capture_output=True, text=True)
        return queue.returncode == 0 and not queue.stdout.strip()


def wait(until, otherwise, log):
    end = time.monotonic() + 30
    while not until():
        if time.monotonic() > end:
            raise RuntimeError(f"{otherwise}:\n{log.read_text()}")
        time.sleep(0.1)
