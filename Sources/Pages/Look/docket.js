// What the pages do beyond being read: ages and countdowns, the live stream, commands sent to the API.
// Text from the server reaches the document as text only; sections come as HTML that the server escaped.
(() => {
  "use strict";

  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const one = (selector, root = document) => root.querySelector(selector);

  // ── Theme ────────────────────────────────────────────────────────────────────────────────────────────────────────
  const themes = ["auto", "light", "dark"];

  function startTheme() {
    const button = one("[data-theme-toggle]");
    if (!button) return;
    const root = document.documentElement;
    const show = () => { one("[data-theme-word]", button).textContent = root.dataset.theme ?? "auto"; };
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      const next = themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % themes.length];
      if (next === "auto") delete root.dataset.theme; else root.dataset.theme = next;
      try {
        if (next === "auto") localStorage.removeItem("docket-theme"); else localStorage.setItem("docket-theme", next);
      } catch { /* then it lasts for this page only */ }
      show();
    });
  }

  // ── Times ────────────────────────────────────────────────────────────────────────────────────────────────────────
  const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const dated = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

  function span(milliseconds) {
    const seconds = Math.floor(Math.abs(milliseconds) / 1000);
    if (seconds < 60) return `${seconds} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    if (hours < 48) return `${hours} h ${minutes % 60} min`;
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  }

  function showTimes(root = document) {
    const now = Date.now();
    for (const element of all("time[datetime]", root)) {
      const at = Date.parse(element.dateTime);
      if (Number.isNaN(at)) continue;
      if (!element.dataset.utc) {
        element.dataset.utc = element.title;
        element.title = `${element.title} · here ${whole.format(at)}`;
      }
      const age = now - at;
      const far = Math.abs(age) > 36 * 3600000;
      let text;
      if (element.closest("[data-clock-times]")) {
        text = far ? dated.format(at) : today.format(at);
      } else if (far) {
        text = dated.format(at);
      } else if (Math.abs(age) < 5000) {
        text = "just now";
      } else {
        text = age < 0 ? `in ${span(age)}` : `${span(age)} ago`;
      }
      if (element.textContent !== text) element.textContent = text;
    }
  }

  function showClocks(root = document) {
    const now = Date.now();
    for (const clock of all("[data-clock]", root)) {
      const due = Date.parse(clock.dataset.due);
      const risk = Date.parse(clock.dataset.atRisk);
      if (Number.isNaN(due)) continue;
      const tone = now >= due ? "breached" : now >= risk ? "risk" : "ok";
      clock.classList.remove("tone-ok", "tone-risk", "tone-breached");
      clock.classList.add(`tone-${tone}`);
      one("[data-clock-word]", clock).textContent = { ok: "On time", risk: "At risk", breached: "Breached" }[tone];
      const left = one("[data-clock-left]", clock);
      left.textContent = due >= now ? `${span(due - now)} left` : `${span(due - now)} over`;
      left.title = `due ${whole.format(due)}`;
    }
  }

  // ── Sections that follow the log ─────────────────────────────────────────────────────────────────────────────────
  let position = Number(document.body.dataset.position ?? -1);
  let refreshing = false;
  let wanted = false;
  const shown = new Map();

  function remember(root = document) {
    for (const section of all("[data-live]", root)) shown.set(section.id, section.outerHTML);
  }

  function notice(text, label, act) {
    const bar = one("[data-notice]");
    bar.hidden = !text;
    one("[data-notice-text]", bar).textContent = text ?? "";
    const button = one("[data-notice-act]", bar);
    button.hidden = !label;
    button.textContent = label ?? "";
    button.onclick = act ?? null;
  }

  const isTouched = (section) => all("form[data-touched]", section).length > 0;

  function swap(section, fresh) {
    const open = all("details[id]", section).filter((item) => item.open).map((item) => item.id);
    const closed = all("details[id]", section).filter((item) => !item.open).map((item) => item.id);
    const focused = section.contains(document.activeElement) ? document.activeElement.id : null;
    const next = document.importNode(fresh, true);
    shown.set(section.id, fresh.outerHTML);
    section.replaceWith(next);
    for (const item of all("details[id]", next)) {
      if (open.includes(item.id)) item.open = true;
      if (closed.includes(item.id)) item.open = false;
    }
    prepare(next);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }

  /// Reads this page again as of a position, and puts in what is new. What somebody is writing in stays.
  async function refresh(force = false) {
    if (refreshing) { wanted = true; return; }
    refreshing = true;
    try {
      const address = new URL(location.href);
      address.hash = "";
      if (position >= 0) address.searchParams.set("min_position", String(position));
      const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin" });
      if (answer.redirected && new URL(answer.url).pathname === "/login") { location.assign(answer.url); return; }
      if (answer.status === 503) { setTimeout(() => refresh(force), 500); return; }
      if (!answer.ok) { notice(`This page cannot be read again (${answer.status}).`, "Try again", () => refresh(force)); return; }
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const held = [];
      for (const next of all("[data-live]", fresh)) {
        const current = document.getElementById(next.id);
        if (!current || shown.get(next.id) === next.outerHTML) continue;
        if (!force && isTouched(current)) held.push(current); else swap(current, next);
      }
      const reached = Number(fresh.body.dataset.position ?? -1);
      position = Math.max(position, reached);
      const word = one("[data-position-word]");
      if (word) word.textContent = String(position);
      if (held.length > 0) {
        notice("Something changed where you are writing.", "Show it", () => { notice(); refresh(true); });
      } else {
        notice();
      }
    } catch {
      notice("The server does not answer.", "Try again", () => refresh(force));
    } finally {
      refreshing = false;
      if (wanted) { wanted = false; refresh(); }
    }
  }

  // ── The live stream ──────────────────────────────────────────────────────────────────────────────────────────────
  let source = null;
  let timer = null;
  const changed = new Set();

  function live(state, word) {
    const mark = one("[data-live-state]");
    if (!mark) return;
    mark.dataset.liveState = state;
    one("[data-live-word]", mark).textContent = word;
  }

  function heard(event) {
    position = Math.max(position, Number(event.lastEventId));
    let caseID = null;
    try { caseID = JSON.parse(event.data).case_id; } catch { return; }
    if (!caseID) return;
    changed.add(caseID);
    clearTimeout(timer);
    timer = setTimeout(told, 200);
  }

  function told() {
    if (document.body.dataset.follows === "page") { changed.clear(); refresh(); return; }
    const count = changed.size;
    const known = new Set(all("[data-case-row]").map((row) => row.dataset.caseRow));
    const fresh = Array.from(changed).filter((id) => !known.has(id));
    notice(`${count} ${count === 1 ? "case has" : "cases have"} changed since you looked.`, "Show", async () => {
      changed.clear();
      await refresh(true);
      for (const row of all("[data-case-row]")) row.classList.toggle("is-new", fresh.includes(row.dataset.caseRow));
    });
  }

  function connect() {
    const types = document.body.dataset.streamTypes;
    if (!types || source) return;
    const address = new URL("/v1/events/stream", location.origin);
    address.searchParams.set("after", String(position));
    address.searchParams.set("type", types);
    if (document.body.dataset.case) address.searchParams.set("case_id", document.body.dataset.case);
    source = new EventSource(address);
    source.onopen = () => live("on", "Live");
    source.onerror = () => {
      if (source?.readyState === EventSource.CLOSED) {
        disconnect();
        live("lost", "Not live");
        setTimeout(() => { if (!document.hidden) connect(); }, 10000);
      } else {
        live("lost", "Reconnecting");
      }
    };
    for (const type of types.split(",")) source.addEventListener(type, heard);
  }

  function disconnect() {
    source?.close();
    source = null;
    live("off", "Paused");
  }

  // A browser opens few connections to one server: a page that nobody sees lets go of its stream.
  function startLive() {
    if (!document.body.dataset.streamTypes) return;
    connect();
    document.addEventListener("visibilitychange", () => { if (document.hidden) disconnect(); else connect(); });
    window.addEventListener("pagehide", disconnect);
    window.addEventListener("pageshow", (event) => { if (event.persisted) { connect(); refresh(); } });
  }

  // ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────
  function put(body, name, value) {
    const parts = name.split(".");
    const last = parts.pop();
    let object = body;
    for (const part of parts) object = object[part] ??= {};
    object[last] = value;
  }

  function read(form, submitter) {
    const body = {};
    for (const [name, value] of new FormData(form, submitter)) {
      if (typeof value === "string" && value.trim() !== "") put(body, name, value);
    }
    return body;
  }

  function refuse(form, text) {
    const place = one("[data-problem]", form);
    place.textContent = text;
    place.hidden = !text;
    if (text) place.focus();
  }

  function told409(problem) {
    const lines = [problem.detail ?? problem.title ?? "The server refused this."];
    for (const error of problem.errors ?? []) lines.push(`${error.pointer.replace(/^\//, "")}: ${error.detail}`);
    for (const missing of problem.missing_evidence ?? []) lines.push(`${missing.status}: ${missing.kind.replaceAll("_", " ")}`);
    if (problem.plan_digest) lines.push(`The plan's digest is ${problem.plan_digest} now.`);
    return lines.join("\n");
  }

  async function send(form, submitter) {
    const buttons = all("button", form);
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    if (form.dataset.version) headers["If-Match"] = `"${form.dataset.version}"`;
    if (form.hasAttribute("data-creates")) {
      form.dataset.key ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      headers["Idempotency-Key"] = form.dataset.key;
    }
    const body = JSON.stringify(read(form, submitter));
    refuse(form, "");
    buttons.forEach((button) => { button.disabled = true; });
    form.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.act, { method: form.dataset.method ?? "POST", headers, body, credentials: "same-origin" });
      delete form.dataset.key;
      if (answer.status === 401) { location.assign(`/login?ended=1&next=${encodeURIComponent(location.pathname)}`); return; }
      if (!answer.ok) {
        const problem = await answer.json();
        refuse(form, told409(problem));
        if (problem.current_version) form.dataset.version = String(problem.current_version);
        refresh();
        return;
      }
      position = Math.max(position, Number(answer.headers.get("Docket-Position") ?? -1));
      form.reset();
      delete form.dataset.touched;
      say(form.dataset.done ?? "Recorded.");
      await refresh();
    } catch {
      refuse(form, "The server does not answer. It is not known whether this was recorded: read the page again before you repeat it.");
    } finally {
      buttons.forEach((button) => { button.disabled = false; });
      form.removeAttribute("aria-busy");
    }
  }

  function say(text) {
    const place = one("[data-said]");
    if (place) place.textContent = text;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.act) return;
    event.preventDefault();
    send(form, event.submitter);
  });
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-act]");
    if (form) form.dataset.touched = "";
  });
  // A link to something inside a closed part opens it.
  function reveal() {
    const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    for (let part = target?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    target?.scrollIntoView({ block: "center" });
  }
  window.addEventListener("hashchange", reveal);

  function prepare(root) {
    for (const part of all("[data-needs-script]", root)) part.hidden = false;
    showTimes(root);
    showClocks(root);
  }

  remember();
  prepare(document);
  startTheme();
  startLive();
  if (location.hash) reveal();
  setInterval(showClocks, 1000);
  setInterval(showTimes, 5000);
})();
