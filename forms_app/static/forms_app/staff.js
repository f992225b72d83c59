// The staff menu: behind five taps and a PIN that is checked here, so it works offline as well.

import * as queue from "./queue.js";
import { base64 } from "./seal.js";
import { onChange, status, sync } from "./sending.js";
import { state as device } from "./wake.js";

const FREE_TRIES = 3;
const FIRST_WAIT = 30_000;
const LONGEST_WAIT = 3_600_000;
const LEAVE = 90_000; // ms without a touch

let about = {};
let app = {};
let dialog = null;
let refresh = () => {};
onChange(() => refresh());

/** h("p", {className: "x"}, "text", node) */
function h(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

const button = (text, onclick, kind = "") =>
  h("button", { type: "button", className: `staff__button ${kind}`, onclick }, text);

/**
 * `page` says what is shown here; `tools` are functions of app.js. They aren't imported from there:
 * files are named after their content, and two that name each other couldn't be.
 */
export async function open(page, tools) {
  if (dialog) return;
  [about, app] = [page, tools];
  const here = h("dialog", { className: "staff" });
  here.setAttribute("aria-label", "Staff menu");
  let leaving;
  const wait = () => {
    clearTimeout(leaving);
    leaving = setTimeout(() => here.close(), LEAVE);
  };
  here.addEventListener("pointerdown", wait);
  here.addEventListener("keydown", wait);
  here.addEventListener("close", () => {
    clearTimeout(leaving);
    here.remove();
    dialog = null;
    refresh = () => {};
  });
  wait();
  dialog = here;
  document.body.append(here);
  here.showModal();
  const state = await queue.get("state").catch(() => null);
  if (state?.pin) askPin(state);
  else showMenu(state, false);
}

// --- The PIN ---

function askPin(state) {
  const typed = h("input", {
    className: "staff__pin",
    type: "password",
    inputMode: "none", // the keys below are the keyboard
    autocomplete: "off",
    maxLength: 8,
  });
  typed.setAttribute("aria-label", "PIN");
  const said = h("p", { className: "staff__said", role: "status" }, "");
  const enter = button("OK", () => check(), "staff__button--main");
  const key = (label, press, name) => {
    const made = button(label, press, "staff__key");
    if (name) made.setAttribute("aria-label", name);
    return made;
  };
  const digits = [..."123456789"].map((n) => key(n, () => (typed.value += n)));
  const pad = h("div", { className: "staff__pad" }, ...digits,
    key("⌫", () => (typed.value = typed.value.slice(0, -1)), "Delete"),
    key("0", () => (typed.value += "0")), enter);
  typed.addEventListener("keydown", (event) => event.key === "Enter" && check());
  const check = async () => {
    const pin = typed.value;
    typed.value = "";
    if (!pin) return;
    enter.disabled = true;
    said.textContent = "One moment …";
    const wait = await tryPin(state.pin, pin);
    enter.disabled = false;
    if (wait === 0) return showMenu(state, true);
    said.textContent =
      wait > 0 ? `Too many wrong tries. Wait ${duration(wait)}.` : "That isn’t the PIN.";
  };
  dialog.replaceChildren(
    h("form", { className: "staff__gate", method: "dialog", onsubmit: (event) => event.preventDefault() },
      h("h1", {}, "Staff"), h("p", { className: "staff__hint" }, "Type the PIN."), typed, said, pad,
      button("Back", () => dialog.close(), "staff__button--plain")),
  );
  typed.focus();
}

/** 0: right. More: so many milliseconds to wait. -1: wrong. Counted before it is looked at, and
 * kept, so that reloading gains nothing. */
async function tryPin(pin, typed) {
  const { tries = 0, until = 0 } = (await queue.get("pin")) ?? {};
  const now = Date.now();
  // A clock that was set back would lock staff out for years.
  if (until > now && until - now <= LONGEST_WAIT) return until - now;
  const next = tries + 1;
  const wait =
    next < FREE_TRIES ? 0 : Math.min(FIRST_WAIT * 2 ** (next - FREE_TRIES), LONGEST_WAIT);
  await queue.set("pin", { tries: next, until: now + wait });
  if ((await derive(pin, typed)) !== pin.hash) return wait || -1;
  await queue.set("pin", { tries: 0, until: 0 });
  return 0;
}

async function derive({ salt, iterations }, typed) {
  const raw = new TextEncoder().encode(typed);
  const key = await crypto.subtle.importKey("raw", raw, "PBKDF2", false, ["deriveBits"]);
  const bytes = Uint8Array.from(atob(salt), (letter) => letter.charCodeAt(0));
  const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes, iterations };
  return base64(await crypto.subtle.deriveBits(how, key, 256));
}

// --- The menu ---

const LINKS = {
  unknown: ["…", ""],
  online: ["Connected", "good"],
  offline: ["No connection: sign-ups wait here", "bad"],
  unpaired: ["Not paired any more: sign-ups wait here until it is", "bad"],
  broken: ["The server has trouble: sign-ups wait here", "bad"],
};
const SCREEN = {
  on: ["Stays on", "good"],
  off: ["May go dark: see the tablet’s display settings", "bad"],
  unsupported: ["May go dark: see the tablet’s display settings", "bad"],
};
const STORED = {
  kept: ["Safe", "good"],
  "may be cleared": ["May be cleared: add the page to the home screen", "bad"],
  unknown: ["The browser doesn’t say", ""],
};

function showMenu(state, isTrusted) {
  const said = h("p", { className: "staff__said", role: "status" });
  const facts = h("dl", { className: "staff__facts" });
  const say = (text) => (said.textContent = text);
  const act = (text, work, kind) => {
    const made = button(text, async () => {
      made.disabled = true;
      say("One moment …");
      try {
        say((await work()) ?? "");
      } catch (error) {
        console.error(error);
        say("That didn’t work. Please try again.");
      }
      made.disabled = false;
      refresh();
    }, kind);
    return made;
  };
  const buttons = [
    act("Sync now", syncNow, "staff__button--main"),
    act("Send a test sign-up", test),
    act("Save the queue as a file", save),
    app.closedNow() && act("Keep open for two hours", async () => {
      await app.keepOpen();
      return "Open. Close this menu.";
    }),
    status.link === "unpaired" && button("Pair it again", () => location.assign("/app/pair/")),
    act("Unpair this tablet", () => confirmUnpair(said), "staff__button--danger"),
  ].filter(Boolean);
  if (!isTrusted) {
    buttons.splice(2); // no PIN is set: a shopper could have got here
    say("There is no PIN yet. Set one in the admin, under Stores and tablets, to see all of this menu.");
  }
  refresh = () => facts.replaceChildren(...describe());
  refresh();
  dialog.replaceChildren(
    h("header", { className: "staff__head" },
      h("div", {}, h("h1", {}, state?.tablet ?? "This tablet"),
        h("p", { className: "staff__hint" }, [state?.store, state?.shop].filter(Boolean).join(" · "))),
      button("Close", () => dialog.close())),
    facts, said, h("div", { className: "staff__buttons" }, ...buttons),
  );
}

function describe() {
  const { link, queued, oldest, lastContact } = status;
  const rows = [
    ["Connection", ...LINKS[link]],
    ["Waiting to be sent", queued ? `${queued}, the oldest since ${moment(oldest)}` : "Nothing", queued ? "" : "good"],
    ["Last contact", lastContact ? moment(lastContact) : "None yet", ""],
    ["Screen", ...SCREEN[device.screen]],
    ["Storage", ...STORED[device.stored]],
    ["Versions", `form ${about.version.slice(0, 8)}, app ${about.app}`, ""],
  ];
  return rows.map(([name, value, mood]) =>
    h("div", {}, h("dt", {}, name), h("dd", { className: mood && `staff__${mood}` }, value)));
}

async function syncNow() {
  await sync();
  if (status.link !== "online") return LINKS[status.link][0];
  return status.queued ? `${status.queued} couldn’t be sent yet. They are tried again.` : "All sent.";
}

async function test() {
  return (await app.sendTest())
    ? "The test arrived: it is in the list of sign-ups, marked as a test."
    : "The test is kept here and goes when there is a connection.";
}

/** The last way out: what is queued, sealed as it is, for "Import a tablet’s file" in the admin. */
async function save() {
  const entries = await queue.all();
  if (!entries.length) return "Nothing is waiting, so there is nothing to save.";
  const content = {
    format: "customerinfo-queue-1",
    host: location.host,
    now: Date.now(),
    entries: entries.map(({ envelope }) => envelope),
  };
  const file = new Blob([JSON.stringify(content)], { type: "application/json" });
  const url = URL.createObjectURL(file);
  h("a", { href: url, download: `sign-ups-${new Date().toISOString().slice(0, 10)}.json` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  await queue.set("saved", entries.at(-1).seq);
  return `Saved: ${entries.length}. In the admin, under Stores and tablets, choose “Import a tablet’s file”.`;
}

function confirmUnpair(said) {
  return new Promise((resolve, reject) => {
    said.replaceChildren(
      "Unpair this tablet? It sends what waits, then forgets everything. ",
      button("Yes, unpair", () => unpair().then(resolve, reject), "staff__button--danger"),
      button("No", () => resolve("")),
    );
  });
}

async function unpair() {
  await sync();
  const saved = (await queue.get("saved")) ?? 0;
  const unsent = (await queue.all()).filter((entry) => entry.seq > saved).length;
  if (unsent) {
    return `Not yet: ${unsent} sign-up${unsent === 1 ? " hasn’t" : "s haven’t"} been sent. Connect the tablet, or save the queue as a file first.`;
  }
  const isGone = await fetch("/app/unpair", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  }).then((response) => response.json()).then((body) => body.unpaired).catch(() => false);
  if (!isGone) return "Not now: unpairing needs a connection.";
  await queue.wipe();
  for (const name of await caches.keys()) await caches.delete(name);
  for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
  location.replace("/app/");
}

// --- Words ---

const moment = (at) => new Date(at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });

function duration(ms) {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
