"""A deployment whose night is published and whose mails wait, and what its ledger says of them."""

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from email.header import decode_header, make_header
from pathlib import Path

from faulty import PASSWORD, USER

HOUSE = Path(__file__).parent.parent / "it" / "mail"
DAY = "2026-11-18"
PEOPLE = ["ann", "bob", "cid", "dee", "eve"]
# Names that try to be more than names, as they may stand in a configuration.
NAMES = {
    "cid": "Bcc: eve, =?utf-8?Q?x=0D=0ABcc:_eve?= {{from}} (Reply-To: eve)",
    "dee": "Zoë \\\\ ; 田中, R&D 'x' \\r\\nBcc: eve",
}
SUBJECTS = {"daily": "Funnel, Wed 18 Nov: ", "definitions": "Definitions: first in force since"}
REPORTS = list(SUBJECTS)


class Wrong(Exception):
    """A mail that came twice, or not, without a word; or another answer than the one expected."""


class Deployment:
    def __init__(self, executable, folder):
        self.executable, self.folder = executable, folder

    @classmethod
    def published(cls, executable, folder):
        """A night with a mail for each report and person in its outbox."""
        shutil.copytree(HOUSE, folder)
        house = cls(executable, folder)
        entries = [
            {"email": f"{name}@acme.example", "name": NAMES.get(name, name.title())}
            for name in PEOPLE
        ]
        house.edit(
            "to: [Ann Field <ann@acme.example>, Bob Hill <bob@acme.example>]",
            f"to: {json.dumps(entries)}\n  - name: definitions\n    schedule: daily\n"
            f"    to: {json.dumps(entries)}",
        )
        ran = house.run("run", "--as-of", DAY, "--no-send")
        if ran.returncode:
            raise Wrong(ran.stderr)
        return house

    def copy(self, folder, smtp, minutes=0):
        """The same, sending through a server. `smtp` are the keys of its section."""
        shutil.copytree(self.folder, folder)
        copy = Deployment(self.executable, folder)
        copy.edit("folder: ../mail", f"smtp: {json.dumps(smtp)}")
        copy.edit("keep_trying: 0 minutes", f"keep_trying: {minutes} minutes")
        return copy

    def edit(self, old, new):
        path = self.folder / "config" / "leadgauge.yaml"
        text = path.read_text()
        if text.count(old) != 1:
            raise Wrong(f"`{old}` does not stand once in {path.name}")
        path.write_text(text.replace(old, new))

    def rename(self, person, name):
        """Of the first report alone."""
        path = self.folder / "config" / "leadgauge.yaml"
        text = path.read_text()
        path.write_text(text.replace(json.dumps(NAMES[person]), json.dumps(name), 1))

    def move(self, port):
        """The server is at another port now."""
        path = self.folder / "config" / "leadgauge.yaml"
        path.write_text(re.sub(r'"port": \d+', f'"port": {port}', path.read_text()))

    def start(self, *args, trusts=None):
        env = {name: value for name, value in os.environ.items() if name != "LEADGAUGE_CONFIG"}
        env["SMTP_PASSWORD"] = PASSWORD
        if trusts:
            env["SSL_CERT_FILE"] = str(trusts)
        command = [self.executable, "--config", "config/leadgauge.yaml", *args]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args, trusts=None):
        process = self.start(*args, trusts=trusts)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)

    def send(self, trusts=None):
        return self.run("run", "--as-of", DAY, trusts=trusts)

    def messages(self):
        """What `deliver list` says of each message."""
        ran = self.run("--json", "deliver", "list", "--as-of", DAY)
        if ran.returncode:
            raise Wrong(ran.stderr)
        return json.loads(ran.stdout)

    def accounted(self, taken):
        """Whether every message came once or the ledger says why not; the states, counted.

        `taken`: for each message of the server its recipients and its bytes."""
        listed = {row["message"]: row for row in self.messages()}
        if len(listed) != len(PEOPLE) * len(REPORTS):
            raise Wrong(f"{len(listed)} messages are listed")
        came = Counter()
        for recipients, message in taken:
            came[arrived(recipients, message, listed)] += 1
        for name, row in listed.items():
            state, reason, times = row["state"], row["reason"], came[name]
            fits = {"sent": times == 1, "unknown": times <= 1 and reason}
            if not fits.get(state, times == 0 and reason):
                raise Wrong(f"{name} came {times} times; the ledger: {state}, {reason}")
        return Counter(row["state"] for row in listed.values())


def server(port, **more):
    return {"host": "127.0.0.1", "port": port, "tls": "none", **more}


def login():
    return {"user": USER, "password": {"env": "SMTP_PASSWORD"}}


def arrived(recipients, message, listed):
    """The id of a message that a server took, which must be whole and for its one recipient."""
    mail = email.message_from_bytes(message, policy=email.policy.default)
    name = mail["Message-ID"].strip("<>").split("@")[0]
    row = listed.get(name)
    if row is None:
        raise Wrong(f"nobody knows {name}")
    defects = [defect for part in mail.walk() for defect in part.defects]
    if defects or any(header.defects for header in mail.values()):
        raise Wrong(f"{name}: {defects or [header.defects for header in mail.values()]}")
    check_headers(mail, row, recipients)
    person = row["recipient"].split("@")[0]
    # Python's newer parser leaves a blank where a name goes over two encoded words.
    written = email.message_from_bytes(message)["To"]
    shown = str(make_header(decode_header(written)))
    # What looks as if it were encoded is kept from being decoded by a blank.
    called = NAMES.get(person, person.title()).replace("=?", "= ?")
    if shown != f"{called} <{row['recipient']}>":
        raise Wrong(f"{name} is to {shown}")
    check_parts(mail, name)
    return name


def check_headers(mail, row, recipients):
    to = mail["To"].addresses
    if len(to) != 1 or (to[0].addr_spec,) != recipients or to[0].addr_spec != row["recipient"]:
        raise Wrong(f"{row['message']} is to {to}, and went to {recipients}")
    sender = mail["From"].addresses
    if [(one.display_name, one.addr_spec) for one in sender] != [
        ("Leadgauge", "leadgauge@acme.example")
    ]:
        raise Wrong(f"{row['message']} is from {sender}")
    lists = (f"<{row['report']}.leadgauge.", f"unsubscribe%20{row['report']}>", "auto-generated")
    said = (mail["List-Id"], mail["List-Unsubscribe"], mail["Auto-Submitted"])
    if not all(one in str(other) for one, other in zip(lists, said)):
        raise Wrong(f"{row['message']} says {said}")
    series = f"<{row['report']}-"
    if mail["References"] != mail["In-Reply-To"] or not mail["References"].startswith(series):
        raise Wrong(f"{row['message']} answers {mail['In-Reply-To']}, after {mail['References']}")
    twice = [name for name, times in Counter(map(str.lower, mail.keys())).items() if times > 1]
    strange = {"bcc", "cc", "reply-to", "sender"} & {name.lower() for name in mail.keys()}
    # The way of a message stands in one line a server.
    if set(twice) - {"received"} or strange or not mail["Subject"].startswith(SUBJECTS[row["report"]]):
        raise Wrong(f"headers of {row['message']}: {mail.items()}")


def check_parts(mail, name):
    kinds = [part.get_content_type() for part in mail.walk() if not part.is_multipart()]
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    files = [part.get_filename() for part in mail.iter_attachments() if part.get_filename()]
    page = kinds.count("text/html") == 2 and kinds.count("text/plain") == 1
    if not page or len(text) < 100 or "</html>" not in html or not files:
        raise Wrong(f"{name} has the parts {kinds} and the files {files}")
    pictures = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    for picture in pictures:
        named = picture["Content-ID"].strip("<>")
        if f"cid:{named}" not in html or not picture.get_content().startswith(b"\x89PNG"):
            raise Wrong(f"{name}: the picture {named} is not shown, or is none")
