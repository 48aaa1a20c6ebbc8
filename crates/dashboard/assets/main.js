// What pages gain where JavaScript runs: each part looks for its own attributes and leaves the page alone otherwise.
// Only textContent, classes and properties are written: no string ever becomes markup.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const on = (name, act, root = document) => root.addEventListener(name, act);
const closest = (event, selector) => event.target instanceof Element ? event.target.closest(selector) : null;

const voice = document.createElement("p");
voice.className = "away";
voice.setAttribute("aria-live", "polite");
document.body.append(voice);
const say = (text) => { voice.textContent = ""; requestAnimationFrame(() => { voice.textContent = text; }); };

// Tables shown as cards keep their roles in browsers that derive them from `display`.
for (const table of all(".table")) {
  const roles = { "": "table", "thead, tbody": "rowgroup", "tr": "row", "td": "cell", "thead th": "columnheader", "tbody th": "rowheader" };
  for (const [part, role] of Object.entries(roles)) for (const node of part ? all(part, table) : [table]) node.setAttribute("role", role);
}

// Where the tabs scroll, the current one is in view.
const tab = document.querySelector(".tabs-nav [aria-current]");
if (tab) tab.closest("nav").scrollLeft = tab.offsetLeft - 48;

// A form that failed puts the reader at its list of problems.
document.querySelector("[data-problems]")?.focus();

// Times ------------------------------------------------------------------------------------------------------------
// Written out, because the browsers' own short dates differ from each other and from the server's.
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const dateOnly = (at) => { const day = new Date(at); return `${day.getDate()} ${months[day.getMonth()]} ${day.getFullYear()}`; };
const clockTime = (at) => { const day = new Date(at); return [day.getHours(), day.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":"); };
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "long" });
const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
function ago(at, now) {
  const seconds = Math.floor(Math.abs(now - at) / 1000), past = at <= now;
  if (seconds < 60) return past ? "just now" : "in a moment";
  const whole = past ? Math.floor : Math.round;
  const span = seconds < 3600 ? count(whole(seconds / 60), "minute")
    : seconds < 86400 ? count(whole(seconds / 3600), "hour")
    : seconds < 30 * 86400 ? count(whole(seconds / 86400), "day") : null;
  return span === null ? dateOnly(at) : past ? `${span} ago` : `in ${span}`;
}
function showTime(node, now) {
  const at = Date.parse(node.dateTime);
  if (Number.isNaN(at)) return;
  const style = node.dataset.style;
  const text = style === "date" ? dateOnly(at) : style === "datetime" ? `${dateOnly(at)}, ${clockTime(at)}` : ago(at, now);
  if (node.textContent !== text) node.textContent = text;
  node.title = exact.format(at);
}
const showTimes = () => { const now = Date.now(); all("time[datetime]").forEach((node) => showTime(node, now)); };
showTimes();
setInterval(() => { if (!document.hidden) showTimes(); }, 15000);

// Copying ----------------------------------------------------------------------------------------------------------
const stored = new Set();
on("click", async (event) => {
  const button = closest(event, "[data-copy]");
  const source = button && document.getElementById(button.dataset.copy);
  if (!source) return;
  const label = button.querySelector("[data-copy-label]") ?? button;
  button.dataset.label ??= label.textContent;
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    label.textContent = "Copied";
    button.classList.add("copied");
    say("Copied");
    const guard = source.matches("[data-secret-value]") && source.closest("[data-guard]");
    if (guard) stored.add(guard);
  } catch {
    getSelection().selectAllChildren(source);
    label.textContent = "Press Ctrl+C";
    say("The text is selected. Press Ctrl+C to copy it.");
  }
  clearTimeout(button.timer);
  button.timer = setTimeout(() => { label.textContent = button.dataset.label; button.classList.remove("copied"); }, 2500);
});

// A secret shown once: leaving asks until it is copied or said to be stored, and takes it out of the page. -----------
for (const guard of all("[data-guard]")) {
  const secrets = all("[data-secret-value]", guard);
  if (secrets.length === 0) continue;
  on("change", (event) => {
    if (event.target.matches("[data-stored]")) stored[event.target.checked ? "add" : "delete"](guard);
  }, guard);
  on("copy", () => {
    const node = getSelection().anchorNode;
    if (secrets.some((secret) => secret.contains(node))) stored.add(guard);
  }, guard);
  // A sealed key can be seen again: leaving it wipes, and asks nothing.
  const asks = guard.dataset.guard !== "wipe";
  on("beforeunload", (event) => { if (asks && !stored.has(guard)) event.preventDefault(); }, window);
  const wipe = () => secrets.forEach((secret) => { secret.textContent = "Not shown again"; });
  on("pagehide", wipe, window);
  on("pageshow", (event) => { if (event.persisted) wipe(); }, window);
}

// Confirming by name -----------------------------------------------------------------------------------------------
function judge(form) {
  const input = form.querySelector("[data-confirm-input]");
  const button = form.querySelector("button:not([type=button])");
  if (!input || !button) return;
  button.disabled = input.value.trim() !== form.dataset.confirm.trim();
  const why = form.querySelector("[data-confirm-why]");
  if (why) button.setAttribute("aria-describedby", why.id);
}
all("form[data-confirm]").forEach(judge);
on("input", (event) => {
  const form = closest(event, "form[data-confirm]");
  if (form) judge(form);
});

// Dialogs: a link's page is what opens without them. ---------------------------------------------------------------
on("click", (event) => {
  const link = closest(event, "[data-dialog]");
  const dialog = link && document.getElementById(link.dataset.dialog);
  if (dialog?.showModal && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    for (const [name, text] of Object.entries(link.dataset)) all(`[data-slot="${name}"]`, dialog).forEach((slot) => { slot.textContent = text; });
    const form = dialog.querySelector("form");
    if (form) {
      form.reset();
      if (link.dataset.action) form.action = link.dataset.action;
      if ("confirm" in form.dataset && link.dataset.name !== undefined) form.dataset.confirm = link.dataset.name;
      judge(form);
    }
    link.closest("details.menu")?.removeAttribute("open");
    dialog.showModal();
  }
  const shown = closest(event, "dialog");
  if (shown && (event.target === shown && event.detail > 0 || closest(event, "[data-close]"))) shown.close();
});

// Menus close when one looks elsewhere. -----------------------------------------------------------------------------
const closeMenus = (but) => all("details.menu[open]").forEach((menu) => { if (!but || !menu.contains(but)) menu.open = false; });
on("click", (event) => closeMenus(event.target));
on("keydown", (event) => {
  const menu = event.key === "Escape" && closest(event, "details.menu[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});

// Forms: sent once. --------------------------------------------------------------------------------------------------
const sent = new Set();
on("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (sent.has(form)) { event.preventDefault(); return; }
  sent.add(form);
  // After the event, so that the pressed button's own name and value are still sent.
  setTimeout(() => all("button:not([type=button])", form).forEach((button) => { button.disabled = true; }));
});
on("pageshow", () => {
  for (const form of sent) {
    all("button:not([type=button])", form).forEach((button) => { button.disabled = false; });
    if (form.matches("[data-confirm]")) judge(form);
  }
  sent.clear();
}, window);

// A question that comes to light is not answered by a click that was meant for the window that lay over it. ---------------
for (const form of all("[data-deliberate]")) {
  let timer;
  const hold = () => {
    form.classList.add("held");
    clearTimeout(timer);
    timer = setTimeout(() => form.classList.remove("held"), 600);
  };
  hold();
  on("focus", hold, window);
  on("visibilitychange", hold);
}

// What belongs to one choice chooses it: a date “On a date”, a permission “Only these”. --------------------------------
const chooses = { expires_on: "[name=expiry][value=date]", scopes: "[name=permissions][value=only]" };
on("input", ({ target }) => {
  const radio = Object.hasOwn(chooses, target.name) && target.form?.querySelector(chooses[target.name]);
  if (radio && (target.type === "checkbox" ? target.checked : target.value)) radio.checked = true;
});

// Endpoint patterns, tried against a request -------------------------------------------------------------------------
for (const box of all("[data-endpoint-check]")) {
  const patterns = box.querySelector("[data-patterns], textarea"), example = box.querySelector("[data-example]"), out = box.querySelector("output");
  if (!patterns || !example || !out) continue;
  let timer, latest = 0;
  const tell = (text, kind) => { out.textContent = text; out.className = kind; };
  const check = async () => {
    const turn = ++latest;
    const lines = patterns.value.split("\n").map((line) => line.trim()).filter(Boolean).slice(0, 10);
    const path = example.value.trim();
    if (lines.length === 0) return tell("", "");
    try {
      const answers = await Promise.all(lines.map(async (pattern) => {
        const answer = await fetch(`${box.dataset.endpointCheck}?${new URLSearchParams({ pattern, path })}`, { headers: { accept: "application/json" } });
        if (!answer.ok) throw new Error("no answer");
        return answer.json();
      }));
      if (turn !== latest) return;
      const wrong = answers.findIndex((answer) => !answer.pattern_ok), hit = answers.findIndex((answer) => answer.matches);
      if (wrong >= 0) tell(`${lines[wrong]}: ${answers[wrong].detail}`, "no");
      else if (!path) tell("", "");
      else if (hit >= 0) tell(`Allowed by ${lines[hit]}`, "yes");
      else tell(answers.find((answer) => answer.detail)?.detail ?? "Refused: no line matches", "no");
    } catch { if (turn === latest) tell("", ""); }
  };
  on("input", () => { clearTimeout(timer); timer = setTimeout(check, 250); }, box);
}

// Live lists: what changed since the page was made ------------------------------------------------------------------
const title = (state) => state.charAt(0).toUpperCase() + state.slice(1);
function refresh(item) {
  const row = document.querySelector(`[data-key="${CSS.escape(item.id)}"]`);
  const used = row?.querySelector("[data-cell=last-used]"), badge = row?.querySelector("[data-cell=state] .badge");
  if (used && item.last_used_at) {
    let node = used.querySelector("time");
    if (!node) {
      node = document.createElement("time");
      node.dataset.style = "ago";
      used.replaceChildren(node);
    }
    node.dateTime = item.last_used_at;
    showTime(node, Date.now());
  }
  if (badge && item.state && item.state !== row.dataset.state) {
    row.dataset.state = item.state;
    badge.className = `badge ${item.state}`;
    badge.textContent = title(item.state);
  }
}
for (const list of all("[data-live]")) {
  let busy = false;
  const poll = async () => {
    if (document.hidden || busy) return;
    busy = true;
    try {
      const answer = await fetch(list.dataset.live, { headers: { accept: "application/json" } });
      // Signed out or moved elsewhere: stop asking.
      if (answer.redirected || answer.status === 401 || answer.status === 403) clearInterval(clock);
      else if (answer.ok) (await answer.json()).items.forEach(refresh);
    } catch { /* The next turn asks again. */ } finally { busy = false; }
  };
  const clock = setInterval(poll, 15000);
  on("visibilitychange", poll);
}
