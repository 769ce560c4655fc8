#!/usr/bin/env python3
"""Walks through the pages of a real server in a real browser, as two responders, an analyst and an auditor would.

    walk.py DOCKET DIRECTORY

starts `DOCKET demo` on a fresh data directory, plays story (c), decides on it at the page, and leaves screenshots of
every page in DIRECTORY, 1280 and 390 pixels wide, light and dark. Ends with status 1 at the first thing that is not so:
a step that does not come about, an error in the browser's console, text wider than its page, a pair of colours with too
little contrast, or hostile text that does anything but be text.
"""

import contextlib
import datetime
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

PATIENCE_SECONDS = 30
WIDTHS = (1280, 390)
THEMES = ("light", "dark")
HOSTILE = '<script>window.pwned=1</script>"><img src=x onerror="window.pwned=2">'

# WCAG 2.2, 1.4.3: 4.5 for text, 3 for large text. Text over nothing but plain grounds is judged.
CONTRAST = """
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
function rgba(text) { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = text; canvas.fillRect(0, 0, 1, 1);
  const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; }
function light([r, g, b]) { const f = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; };
  return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); }
function over(top, under) { return [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1); }
function ground(element) { const layers = [];
  for (let e = element; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor);
    if (c[3] > 0) { layers.push(c); if (c[3] === 1) break; } }
  return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); }
const bad = [];
for (const element of document.querySelectorAll('body *')) {
  if (element.closest('svg, [hidden], .visually-hidden, .skip, noscript')) continue;
  const text = Array.from(element.childNodes).filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join('');
  if (!text || !element.checkVisibility()) continue;
  const style = getComputedStyle(element), size = parseFloat(style.fontSize);
  const under = ground(element), a = light(over(rgba(style.color), under)), b = light(under);
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
  if (ratio < (large ? 3 : 4.5)) bad.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)} ${text.slice(0, 30)}`);
}
return bad.slice(0, 5);
"""


class Failure(Exception):
    pass


def told(text):
    print(f"  {text}", flush=True)


def require(condition, text):
    if not condition:
        raise Failure(text)


class Server:
    """`docket demo` on a fresh data directory, with its tokens."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="docket-walk-")
        os.chmod(self.folder, 0o755)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            lab = free.getsockname()[1]
        self.log = open(os.path.join(self.folder, "log"), "w+")
        self.process = subprocess.Popen(
            [program, "demo", "--data-dir", os.path.join(self.folder, "data"), "--listen", "127.0.0.1:0",
             "--lab-listen", f"127.0.0.1:{lab}", "--stories", "c", "--format", "json"],
            stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.lab = f"http://127.0.0.1:{lab}"
        self.case = None
        for line in self.process.stdout:
            value = json.loads(line)
            if value.get("ready"):
                self.base = value["base_url"]
                break
            self.case = value["case_id"]
        else:
            self.log.seek(0)
            raise Failure("the server did not begin to serve:\n" + self.log.read()[-2000:])
        access = pathlib.Path(self.folder, "data", "access.json")
        self.tokens = json.loads(access.read_text())["tokens"]

    def call(self, method, path, body=None, role="analyst", base=None):
        request = urllib.request.Request(
            (base or self.base) + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.tokens[role]}", "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            return json.load(answer)

    def alert(self, **members):
        now = datetime.datetime.now(datetime.timezone.utc).isoformat()
        answer = self.call("POST", "/v1/alerts", {"occurred_at": now, **members}, role="ingest")
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            cases = self.call("GET", f"/v1/alerts/{answer['alert_id']}")["case_ids"]
            if cases and self.call("GET", f"/v1/cases/{cases[0]}")["state"] == "escalated":
                return cases[0]
            time.sleep(0.1)
        raise Failure(f"no case came of the alert {members['source_ref']}")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Walk:
    def __init__(self, server, directory):
        self.server = server
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--lang=en-GB"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.binary_location = shutil.which("chromium") or "/usr/bin/chromium"
        self.browser = webdriver.Chrome(
            service=Service(shutil.which("chromedriver") or "/usr/bin/chromedriver"), options=options)
        self.width(1280)

    # What a person does

    def go(self, path):
        self.browser.get(self.server.base + path)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def text(self, selector):
        return self.browser.execute_script(
            "return document.querySelector(arguments[0])?.innerText ?? ''", selector)

    def wait(self, what, condition):
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            if condition():
                return
            time.sleep(0.05)
        raise Failure(f"did not see: {what}\n{self.text('main')[:3000]}")

    def press(self, selector):
        button = self.one(selector)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
        button.click()

    def sign_in(self, role):
        self.go("/login")
        field = self.one("#token")
        field.send_keys(self.server.tokens[role])
        field.send_keys(Keys.ENTER)
        self.wait(f"signed in as {role}", lambda: "/login" not in self.browser.current_url and self.text(".who"))

    def sign_out(self):
        self.press("form[action='/logout'] button")
        self.wait("signed out", lambda: "/login" in self.browser.current_url)

    # What is looked at on every page

    def width(self, width, height=900):
        self.browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def theme(self, theme):
        self.browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme},
                                                        {"name": "prefers-reduced-motion", "value": "reduce"}]})

    def pictures(self, name, path):
        """The page in every width and theme; each is checked before it is kept."""
        for width in WIDTHS:
            for theme in THEMES:
                self.theme(theme)
                self.width(width)
                self.go(path)
                time.sleep(0.3)
                wide = self.browser.execute_script("return document.documentElement.scrollWidth")
                require(wide <= width, f"{path} is {wide} pixels wide on a screen of {width}")
                poor = self.browser.execute_script(CONTRAST)
                require(not poor, f"{path}, {theme}: too little contrast: {poor}")
                tall = self.browser.execute_script("return document.documentElement.scrollHeight")
                self.width(width, min(tall, 8000))
                self.browser.save_screenshot(str(self.directory / f"{name}-{width}-{theme}.png"))
        self.theme("light")
        self.width(1280)

    def quiet(self, place):
        entries = [e for e in self.browser.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]
        require(not entries, f"{place}: the console says {entries}")

    def harmless(self, place):
        """Nothing of what the hostile alert carries has run or become an element."""
        require(self.browser.execute_script("return window.pwned === undefined"), f"{place}: hostile text ran")
        count = self.browser.execute_script(
            "return document.querySelectorAll('main img, main script, main iframe, main [onerror], main [onload],"
            " main [onmouseover], main [style], main a[href^=\"javascript:\" i]').length")
        require(count == 0, f"{place}: hostile text became {count} elements")

    # The walk

    def signs_in(self):
        self.go("/")
        require("/login" in self.browser.current_url, "somebody unknown saw the queue")
        self.one("#token").send_keys("dkt_wrong" + Keys.ENTER)
        self.wait("the refusal of a wrong token", lambda: "not known here" in self.text("main"))
        # The browser reports the 401 of the form itself as an error of the page.
        self.browser.get_log("browser")
        self.sign_in("responder")
        cookie = self.browser.get_cookie("docket_session")
        require(cookie["httpOnly"] and cookie["sameSite"] == "Strict", f"the cookie is loose: {cookie}")
        require(self.browser.execute_script("return document.cookie") == "", "a script can read the session")
        require(self.server.tokens["responder"] not in self.browser.page_source, "the token stands in the page")
        told("signed in with a token; a wrong one was refused")

    def reads_why(self):
        self.press(f"[data-case-row='{self.server.case}'] h2 a")
        self.wait("the case", lambda: self.server.case in self.browser.current_url)
        require("waits for 2 people to agree" in self.text("#why"), "the page does not say why it waits")
        for name in ("Pattern confidence", "Environment", "Playbook accuracy"):
            require(name in self.text("#gate"), f"the gate does not show {name}")
        require("n = 1200" in self.text("#gate"), "the accuracy is shown without its n")
        require("sha256:" in self.text("#decision"), "the plan's digest is not shown")
        citation = self.one("#summary .cites a").get_attribute("href").split("#")[1]
        require(self.browser.find_elements(By.ID, citation), f"a citation leads nowhere: {citation}")
        told("read why story (c) waits: two people, three signals with thresholds, the exact plan and its digest")

    def approves(self, reason):
        self.browser.execute_script("window.unreloaded = true")
        self.one("#decision-reason").send_keys(reason)
        self.press("#approve")

    def two_people_approve(self):
        self.one("#decision-reason").send_keys("short")
        self.press("#approve")
        require("0 of 2 have agreed" in self.text("#decision"), "a reason of five characters was taken")
        self.one("#decision-reason").clear()
        self.approves("The rule is not needed, the session manager works.")
        self.wait("the first voice", lambda: "1 of 2 have agreed" in self.text("#decision"))
        require("You have decided" in self.text("#decision"), "the form is still there")
        require(not self.browser.find_elements(By.ID, "approve"), "one person could decide twice")
        self.pictures("case-one-voice", f"/cases/{self.server.case}")
        self.sign_out()
        told("one person approved, and cannot approve again")
        self.sign_in("responder2")
        self.go("/approvals")
        require("1 of 2" in self.text("main"), "the approval does not wait for the second person")
        self.press(".approval h2 a")
        self.wait("the case", lambda: "#decision" in self.browser.current_url)
        self.approves("Seen and agreed, the blast radius is one group.")
        self.wait("the run's end", lambda: self.text("[data-run-state]") in ("Completed",))
        require(self.browser.execute_script("return window.unreloaded === true"), "the page was loaded anew")
        require("Verified" in self.text("#runs .step"), "the step is not verified")
        rules = self.server.call("GET", "/v1/security_groups/sg-0a1", base=self.server.lab)["rules"]
        require(all(rule["from_port"] != 22 for rule in rules), f"the lab still has the rule: {rules}")
        told("another person approved; the run was seen from start to verified without a reload")

    def rolls_back(self):
        self.press("#runs details.act summary")
        Select(self.one("select[name=reason_code]")).select_by_value("analyst_override")
        self.one("#runs details.act textarea").send_keys("Only to see that it goes back exactly.")
        self.press("#rollback")
        self.wait("the rollback's end", lambda: self.text("[data-run-state]") == "Rolled back")
        require(self.browser.execute_script("return window.unreloaded === true"), "the page was loaded anew")
        rules = self.server.call("GET", "/v1/security_groups/sg-0a1", base=self.server.lab)["rules"]
        require(any(rule["from_port"] == 22 for rule in rules), f"the lab does not have the rule again: {rules}")
        told("rolled back, seen live; the lab is as it was")

    def comments(self):
        self.one("#comment-text").send_keys(HOSTILE)
        self.press("#comments form button")
        self.wait("the comment", lambda: HOSTILE in self.text("#comments .votes"))
        self.press("#assign")
        self.wait("the owner", lambda: "owned by raj" in self.text("#case-head"))
        self.harmless("the case after a hostile comment")
        self.quiet("the case")
        told("commented and took the case; refusals would stand at their place")

    def writes_on(self):
        """What somebody is writing stays, and a refusal stands where it was caused."""
        self.press("#act-evidence summary")
        Select(self.one("#evidence-kind")).select_by_value("cost_risk")
        self.one("#evidence-summary").send_keys("Nobody was cut off.")
        self.one("#evidence-note").send_keys("Session manager log of today.")
        self.press("#act-evidence button")
        self.wait("the evidence", lambda: "Nobody was cut off." in self.browser.execute_script(
            "return document.querySelector('#evidence').textContent"))
        self.one("#comment-text").send_keys("half a sentence")
        self.server.call("POST", f"/v1/cases/{self.server.case}/comments", {"text": "from elsewhere"})
        self.wait("the notice", lambda: "where you are writing" in self.text("[data-notice]"))
        require(self.one("#comment-text").get_attribute("value") == "half a sentence", "what was written is gone")
        self.press("[data-notice-act]")
        self.wait("the other comment", lambda: "from elsewhere" in self.text("#comments"))
        self.press("#act-hold summary")
        self.browser.execute_script("document.querySelector('#act-hold form').dataset.version = '1'")
        self.one("#hold-reason").send_keys("Waiting for the owner.")
        self.press("#act-hold button")
        self.wait("the refusal", lambda: "read it again" in self.text("#act-hold .problem"))
        # The browser reports the 412 itself as an error of the page.
        self.browser.get_log("browser")
        self.press("#act-hold button")
        self.wait("the hold", lambda: "On hold" in self.text("#case-head"))
        told("what is being written stays; a stale command was refused at its place, and taken when repeated")

    def reads_history(self):
        self.go(f"/history?case={self.server.case}&type=rollback.requested")
        require("raj" in self.text(".trail"), "the history does not name who rolled back")
        self.press(".trail td a[href^='/cases/']")
        self.wait("the case as it was", lambda: "as it was at its version" in self.text("main"))
        require(not self.browser.find_elements(By.CSS_SELECTOR, "main form"), "the past can be acted on")
        self.go(f"/history?text={self.server.case[:8]}")
        self.quiet("the history")
        told("the history says who did what, and shows the case as of then, with nothing to press")

    def hostile_case(self):
        case = self.server.alert(
            source="edr", source_ref="hostile", title=HOSTILE, severity="critical", confidence_score=91,
            description="=cmd|' /C calc'!A0 \"\u0301 onmouseover=window.pwned=3 x=\"",
            source_url="https://example.org/?q=%22onclick",
            rule={"uid": "\"><svg onload=window.pwned=4>", "name": "<svg onload=window.pwned=4>"},
            entities=[{"type": "user", "value": "<img src=x onerror=window.pwned=5>", "role": "actor"},
                      {"type": "url", "value": "javascript:window.pwned=6", "role": "related"},
                      {"type": "device", "value": "web-1\u202egnp.exe", "role": "target"}],
            evidence=[{"kind": "raw_event", "data": {"k": "</script><script>window.pwned=7</script>"}}])
        for path in ("/", f"/cases/{case}", "/approvals?show=all", f"/history?case={case}",
                     "/?show=all&entity=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D5%3E"):
            self.go(path)
            time.sleep(0.3)
            self.harmless(path)
            self.quiet(path)
        self.go(f"/cases/{case}")
        require(self.text("h1") == HOSTILE, f"the title is not shown as it is: {self.text('h1')}")
        require("<svg onload" in self.browser.execute_script(
            "return document.querySelector('svg.graph').textContent"), "the picture does not show the rule's text")
        link = self.one("a[target=_blank]")
        require(link.get_attribute("rel") == "noopener noreferrer", "a foreign link keeps its opener")
        self.pictures("case-hostile", f"/cases/{case}")
        told("a case made of markup shows text everywhere and runs nothing")

    def queue_is_live(self):
        self.go("/")
        self.wait("the stream", lambda: self.text("[data-live-word]") == "Live")
        case = self.server.alert(
            source="idp", source_ref="live", title="Sign-in from a new country", severity="medium",
            confidence_score=40, entities=[{"type": "user", "value": "mary", "role": "actor"},
                                           {"type": "ip", "value": "203.0.113.7", "role": "related"}])
        self.wait("the notice", lambda: "changed since you looked" in self.text("[data-notice]"))
        self.press("[data-notice-act]")
        self.wait("the new row", lambda: self.browser.find_elements(By.CSS_SELECTOR, f"[data-case-row='{case}'].is-new"))
        told("a new case was announced on the open queue and shown without a reload")

    def keyboard(self):
        self.go("/")
        active = "return document.activeElement.className + '|' + document.activeElement.id"
        body = self.one("body")
        body.send_keys(Keys.TAB)
        require(self.browser.execute_script(active).startswith("skip"), "the skip link is not the first stop")
        self.browser.switch_to.active_element.send_keys(Keys.ENTER)
        require(self.browser.execute_script("return location.hash") == "#main", "the skip link leads elsewhere")
        seen = set()
        for _ in range(80):
            self.browser.switch_to.active_element.send_keys(Keys.TAB)
            where = self.browser.execute_script(
                "const e = document.activeElement; if (e === document.body) return 'end';"
                "const s = getComputedStyle(e), t = getComputedStyle(e.nextElementSibling ?? e);"
                "if (s.outlineStyle === 'none' && t.outlineStyle === 'none') return 'blind ' + e.outerHTML.slice(0, 80);"
                "return e.outerHTML")
            require(not where.startswith("blind"), f"focus cannot be seen: {where}")
            if where == "end":
                break
            seen.add(where)
        else:
            raise Failure("the keyboard does not come to the end of the page")
        require(any("/cases/" in element for element in seen), "the keyboard reaches no case")
        told("the keyboard reaches everything, and focus is seen wherever it goes")

    def theme_toggle(self):
        button = self.one("[data-theme-toggle]")
        for expected in ("light", "dark", "auto"):
            button.click()
            require(self.text("[data-theme-word]") == expected, f"the theme is not {expected}")
        told("the theme can be chosen")

    def roles(self):
        self.sign_out()
        self.sign_in("auditor")
        self.go(f"/cases/{self.server.case}")
        require(not self.browser.find_elements(By.CSS_SELECTOR, "main form"), "an auditor is offered something to do")
        self.sign_out()
        self.sign_in("reporter")
        require(self.browser.current_url.endswith("/figures"), "a reporter does not land on the metrics")
        require("Queue" not in self.text(".places"), "a reporter is shown the way to the cases")
        self.sign_out()
        self.quiet("the roles")
        told("an auditor sees no button, a reporter sees metrics only")

    def every_page(self):
        self.sign_in("responder")
        self.pictures("queue", "/")
        self.pictures("queue-empty", "/?show=closed&severity=low")
        self.pictures("case", f"/cases/{self.server.case}")
        self.pictures("approvals", "/approvals?show=all")
        self.pictures("approvals-empty", "/approvals")
        self.pictures("figures", "/figures")
        self.pictures("history", "/history")
        self.pictures("history-as-of", "/history?as_of=2020-01-01")
        self.quiet("every page")
        self.pictures("not-found", "/cases/0197b3f0-0000-7000-8000-000000000001")
        self.browser.get_log("browser")
        self.sign_out()
        self.pictures("login", "/login?ended=1")
        self.quiet("sign-in")
        self.server.log.flush()
        log = pathlib.Path(self.server.log.name).read_text()
        require("a template asks for" not in log, "a template asks for a name that its model does not have")
        told(f"{len(list(self.directory.glob('*.png')))} screenshots in {self.directory}")

    def run(self):
        self.signs_in()
        self.pictures("case-waiting", f"/cases/{self.server.case}")
        self.go("/")
        self.reads_why()
        self.two_people_approve()
        self.rolls_back()
        self.comments()
        self.writes_on()
        self.reads_history()
        self.hostile_case()
        self.queue_is_live()
        self.keyboard()
        self.theme_toggle()
        self.roles()
        self.every_page()


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 64
    server = Server(sys.argv[1])
    walk = None
    try:
        walk = Walk(server, sys.argv[2])
        walk.run()
        print("The walk went well.")
        return 0
    except Failure as failure:
        if walk:
            walk.browser.save_screenshot(str(walk.directory / "failure.png"))
            print(walk.browser.current_url, walk.browser.get_log("browser"), file=sys.stderr)
        print(f"Not so: {failure}", file=sys.stderr)
        return 1
    finally:
        if walk:
            walk.browser.quit()
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
