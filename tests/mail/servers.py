"""Sends a night's mails through mail servers that nobody here wrote, with every fault there is.

    python -B servers.py EXECUTABLE [--seed 1] [--only WORD]

Against aiosmtpd, told to fail at each step, and against OpenSMTPD where it is installed and this runs
as root. After each case every recipient has every report once, or `deliver list` says why not; every
mail that came is taken apart by Python's own parser. One line a case; exits with 1 if one fails.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

import opensmtpd
from certificates import Authority, context
from deployment import NAMES, PEOPLE, REPORTS, Deployment, Wrong, login, server
from faulty import Fault, Faulty
from opensmtpd import OpenSMTPD

ALL = len(PEOPLE) * len(REPORTS)
EACH = len(REPORTS)
BUSY, GONE = "450 4.2.1 busy", "550 5.1.1 no such user"
LATER, NEVER = "451 4.3.0 later", "554 5.7.1 not that"
# What a run exits with: done, something is wrong, try again.
DONE, WRONG, AGAIN = 0, 1, 75


class Cases:
    def __init__(self, executable, folder, seed):
        self.folder, self.random = folder, random.Random(seed)
        self.house = Deployment.published(executable, folder / "house")
        self.authority = Authority(folder / "tls")
        self.trusts = self.authority.certificate
        self.good = self.authority.issue("good", "DNS:localhost,IP:127.0.0.1")
        self.number = 0

    def copy(self, smtp, minutes=0):
        self.number += 1
        return self.house.copy(self.folder / str(self.number), smtp, minutes)

    def faulty(self, faults, first, last, told="", minutes=0):
        """A run while the faults last, and one without: exit code and states after each."""
        with Faulty(faults) as mails:
            house = self.copy(server(mails.port), minutes)
            expect(house.send(), first[0], told)
            same(house.accounted(mails.taken), first[1])
            mails.faults.clear()
            expect(house.send(), last[0])
            return same(house.accounted(mails.taken), last[1])

    def refuse_and_put_off(self):
        rest = ALL - EACH
        some = {"sent": rest, "queued": EACH}
        put_off, sent = (AGAIN, some), (DONE, {"sent": ALL})
        never = (WRONG, {"sent": rest, "refused": EACH}), (DONE, {"sent": rest, "refused": EACH})
        yield "no fault", lambda: self.faulty([], sent, sent)
        for step, answer in [("RCPT", BUSY), ("DATA", LATER), ("END", LATER)]:
            faults = [Fault(step, answer, "bob")]
            told = f"waits for the next run: {answer}"
            yield f"{answer[:3]} at {step}", lambda f=faults, t=told: self.faulty(f, put_off, sent, t)
        for step, answer in [("RCPT", GONE), ("DATA", NEVER), ("END", NEVER)]:
            faults = [Fault(step, answer, "cid")]
            told = f"was refused: {answer}"
            yield f"{answer[:3]} at {step}", lambda f=faults, t=told: self.faulty(f, *never, t)
        faults = [Fault("MAIL", "550 5.7.1 who are you")]
        held = (WRONG, {"queued": ALL})
        yield "550 at MAIL", lambda: self.faulty(faults, held, sent, "until this is mended: 550")
        faults = [Fault("RCPT", BUSY, "bob", 1), Fault("END", LATER, "dee", 1)]
        yield "450 and 451, tried again in the same run", lambda: self.faulty(
            faults, sent, sent, minutes=1
        )

    def connection_lost(self):
        sent, some = (DONE, {"sent": ALL}), {"sent": ALL - 1, "queued": 1}
        for step, where in [("RCPT", "before"), ("DATA", "at"), ("TEXT", "in the middle of")]:
            faults = [Fault(step, None, "bob", 1)]
            # Only what was sent whole may have arrived.
            after = (WRONG, {"sent": ALL - 1, "unknown": 1}), (
                DONE,
                {"sent": ALL - 1, "unknown": 1},
            )
            waits = (AGAIN, some), sent
            expected = after if step == "TEXT" else waits
            yield f"connection lost {where} DATA", lambda f=faults, e=expected: self.faulty(f, *e)
        lost = {"sent": ALL - 1, "unknown": 1}
        faults = [Fault("END", None, "eve", 1)]
        told = "may or may not have arrived"
        yield "connection lost after DATA", lambda: self.faulty(
            faults, (WRONG, lost), (DONE, lost), told
        )
        yield "slow server", self.slow

    def slow(self):
        with Faulty(pause=0.3) as mails:
            house = self.copy(server(mails.port))
            expect(house.send(), DONE)
            return same(house.accounted(mails.taken), {"sent": ALL})

    def encryption(self):
        yield "no STARTTLS offered", self.no_starttls
        own = self.authority.self_signed("own", "subjectAltName=DNS:localhost", "/CN=localhost")
        other = self.authority.issue("other", "DNS:mail.other.example")
        past = self.authority.issue("past", "DNS:localhost", days="-1")
        bad = {"of itself": own, "of another name": other, "of yesterday": past}
        for way in ["implicit", "starttls"]:
            for what, files in bad.items():
                yield f"{way}: a certificate {what}", lambda w=way, f=files: self.untrusted(w, f)
            yield f"{way}, with login", lambda w=way: self.encrypted(w)
        yield "login refused, put off, taken", self.login

    def no_starttls(self):
        with Faulty() as mails:
            house = self.copy(server(mails.port, tls="starttls"))
            expect(house.send(), WRONG, "the server offers no STARTTLS; nothing is sent in the clear")
            return same(house.accounted(mails.taken), {"queued": ALL})

    def untrusted(self, way, files):
        """The authority is trusted; this certificate all the same is not."""
        with Faulty(**speaking(way, files)) as mails:
            house = self.copy(server(mails.port, tls=way, host="localhost"))
            expect(house.send(self.trusts), WRONG, "invalid peer certificate")
            return same(house.accounted(mails.taken), {"queued": ALL})

    def encrypted(self, way):
        with Faulty(login=True, **speaking(way, self.good)) as mails:
            house = self.copy(server(mails.port, tls=way, host="localhost", **login()))
            expect(house.send(), WRONG, "invalid peer certificate: UnknownIssuer")
            same(house.accounted(mails.taken), {"queued": ALL})
            expect(house.send(self.trusts), DONE)
            return same(house.accounted(mails.taken), {"sent": ALL})

    def login(self):
        faults = [Fault("AUTH", "535 5.7.8 no", times=1), Fault("AUTH", "454 4.7.0 later", times=1)]
        with Faulty(faults, login=True) as mails:
            house = self.copy(server(mails.port, **login()))
            expect(house.send(), WRONG, "did not accept the user and password (535)")
            expect(house.send(), AGAIN, "did not accept the user and password (454)")
            same(house.accounted(mails.taken), {"queued": ALL})
            if mails.logins != 2:
                raise Wrong(f"{mails.logins} logins in two runs")
            expect(house.send(), DONE)
            return same(house.accounted(mails.taken), {"sent": ALL})

    def killed_and_doubled(self):
        yield "killed at random moments", lambda: self.killed(1)
        yield "two runs at once", self.two_at_once
        yield "two runs at once, killed at random", lambda: self.killed(2)

    def killed(self, together):
        """Runs that are killed until nothing is left to send, and a last one that is not."""
        faults = [Fault("RCPT", BUSY, "bob", 1), Fault("END", GONE, "eve", 1)]
        with Faulty(faults, pause=0.02) as mails:
            house = self.copy(server(mails.port))
            kills = 0
            while any(row["state"] in ("queued", "sending") for row in house.messages()):
                runs = [house.start("run", "--as-of", "2026-11-18") for _ in range(together)]
                seen = len(mails.taken)
                kills += self.kill(runs, mails, seen)
            expect(house.send(), DONE)
            states = house.accounted(mails.taken)
            if not kills or states["queued"] or states["sending"] or states["refused"] != 1:
                raise Wrong(f"after {kills} kills: {dict(states)}")
            return f"{kills} kills: {told_of(states)}"

    def kill(self, runs, mails, seen):
        """Kills runs somewhere in a message after the next, or finds them at their end."""
        kills = 0
        end = time.monotonic() + 20
        for run in runs:
            while len(mails.taken) == seen and run.poll() is None and time.monotonic() < end:
                time.sleep(0.002)
            time.sleep(self.random.uniform(0, 0.1))
            kills += run.poll() is None
            run.kill()
            run.communicate()
        return kills

    def two_at_once(self):
        with Faulty(pause=0.03) as mails:
            house = self.copy(server(mails.port))
            runs = [house.start("run", "--as-of", "2026-11-18") for _ in range(2)]
            for run in runs:
                _, told = run.communicate()
                if run.returncode not in (DONE, AGAIN):
                    raise Wrong(told)
            expect(house.send(), DONE)
            return same(house.accounted(mails.taken), {"sent": ALL})

    def real(self):
        yield "OpenSMTPD: put off, refused, taken", self.real_answers
        yield "OpenSMTPD: a message too large", self.real_limit
        yield "OpenSMTPD: stopped, and runs killed", self.real_stops

    def real_answers(self):
        self.number += 1
        folder = self.folder / f"smtpd-{self.number}"
        known = [name for name in PEOPLE if name != "eve"]
        later = f'filter later phase rcpt-to match rcpt-to {{ "bob@acme.example" }} reject "{LATER}"'
        with OpenSMTPD(folder, known, "filter later", [later]) as mails:
            house = self.copy(server(mails.port))
            expect(house.send(), WRONG, "was refused: 550")
            waits = {"sent": ALL - 2 * EACH, "queued": EACH, "refused": EACH}
            same(house.accounted(mails.taken()), waits)
        with OpenSMTPD(folder, known) as mails:
            house.move(mails.port)
            expect(house.send(), DONE)
            last = {"sent": ALL - EACH, "refused": EACH}
            return same(house.accounted(mails.taken()), last)

    def real_limit(self):
        self.number += 1
        folder = self.folder / f"smtpd-{self.number}"
        with OpenSMTPD(folder, PEOPLE, more=["smtp max-message-size 10K"]) as mails:
            house = self.copy(server(mails.port))
            expect(house.send(), WRONG, "was refused: 55")
            return same(house.accounted(mails.taken()), {"refused": ALL})

    def real_stops(self):
        self.number += 1
        folder = self.folder / f"smtpd-{self.number}"
        house, kills = self.copy(server(1)), 0
        for _ in range(6):
            with OpenSMTPD(folder, PEOPLE) as mails:
                house.move(mails.port)
                run = house.start("run", "--as-of", "2026-11-18")
                while run.poll() is None and not any(mails.mails.glob("*/new/*")):
                    time.sleep(0.01)
                time.sleep(self.random.uniform(0, 0.1))
                kills += run.poll() is None
                # The run ends first, or the server does.
                if self.random.random() < 0.5:
                    run.kill()
            run.communicate()
        expect(house.send(), None)
        with OpenSMTPD(folder, PEOPLE) as mails:
            house.move(mails.port)
            expect(house.send(), DONE)
            states = house.accounted(mails.taken())
            if states["queued"] or states["refused"]:
                raise Wrong(f"{dict(states)}")
            return f"{kills} stops: {told_of(states)}"

    def names(self):
        yield "names that would be headers", self.hostile_names

    def hostile_names(self):
        """What ends a line or turns the reading direction is refused; the rest came as names."""
        refused = {
            "Ann\r\nBcc: eve@evil.example": "This text holds a line break or a control character",
            "Ann\u2028Bcc: eve": "This is no name of a recipient",
            "Ann \u202eeve": "This is no name of a recipient",
            "Ann <eve@evil.example>, Eve": "This is no name of a recipient",
        }
        for name, told in refused.items():
            house = self.copy(server(1))
            house.rename("cid", name)
            expect(house.run("check"), 2, told)
        return f"{len(refused)} refused, {len(NAMES)} came as names"


def speaking(way, files):
    made = context(files)
    return {"tls": made} if way == "implicit" else {"starttls": made}


def expect(ran, code, told=""):
    """What a run exits with, and words that it says. None: whatever a run can come to."""
    if code is None and ran.returncode in (DONE, WRONG, AGAIN):
        return
    if ran.returncode != code or told not in ran.stderr:
        raise Wrong(f"exit {ran.returncode}, not {code} with `{told}`:\n{ran.stderr}")


def same(states, expected):
    if dict(states) != expected:
        raise Wrong(f"{dict(states)} instead of {expected}")
    return told_of(states)


def told_of(states):
    return ", ".join(f"{number} {state}" for state, number in sorted(states.items()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("executable", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="the cases with this word in their name")
    args = parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        # OpenSMTPD delivers as somebody who must be able to look in.
        Path(temporary).chmod(0o755)
        cases = Cases(args.executable.resolve(), Path(temporary), args.seed)
        groups = [
            cases.refuse_and_put_off,
            cases.connection_lost,
            cases.encryption,
            cases.killed_and_doubled,
            cases.names,
        ]
        if opensmtpd.is_here():
            groups.append(cases.real)
        else:
            print("OpenSMTPD is not here, or this is not root: left out")
        for name, case in (pair for group in groups for pair in group()):
            if args.only in name:
                failed += not passes(name, case)
    sys.exit(1 if failed else 0)


def passes(name, case):
    began = time.monotonic()
    try:
        print(f"{name}: {case()} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    except Wrong as wrong:
        print(f"{name}: FAILED\n  {wrong}", flush=True)
        return False
    except Exception:
        print(f"{name}: FAILED\n{traceback.format_exc()}", flush=True)
        return False


if __name__ == "__main__":
    main()
