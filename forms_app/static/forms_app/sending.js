// Brings the queue to the server: in order, a batch at a time, with waits that grow. An entry goes
// only when the server's answer names it; one that fails waits by itself and holds up no other.
// Whether there is a connection is judged by an answer of our own server, nothing else.

import * as queue from "./queue.js";

const BEAT = 60_000; // ms between two contacts when there is nothing to send
const BATCH = 20;
const MOST_BYTES = 300_000; // of one batch
const LONGEST_WAIT = 10 * 60_000;
const PATIENCE = 20_000; // ms for one answer
const DONE = ["receipt", "aside", "sealed"]; // the server has it

// "unknown" until the first contact of this page
export const status = { link: "unknown", lastContact: null, queued: 0, oldest: null };
const listeners = new Set();
let timer = null;
let failures = 0;
let running = null;
let again = false;
let about = () => ({}); // what app.js tells the server of this page

export function onChange(listener) {
  listeners.add(listener);
}

export function begin(describe) {
  about = describe;
  addEventListener("online", sync);
  document.addEventListener("visibilitychange", () => document.hidden || sync());
  return sync();
}

/** One contact, and all that waits, as far as it goes. Calls while it runs make it look again. */
export function sync() {
  again = true;
  return (running ??= run().finally(() => (running = null)));
}

async function run() {
  clearTimeout(timer);
  try {
    while (again) {
      again = false;
      await alone(drain);
    }
  } catch (error) {
    console.error(error); // the queue itself is broken: try again later
    failures += 1;
  }
  await look();
  timer = setTimeout(sync, await pause());
}

/** Two tabs must not send the same thing at once; where locks are missing, ids make it harmless. */
function alone(work) {
  return navigator.locks ? navigator.locks.request("sending", work) : work();
}

async function drain() {
  let size = BATCH;
  do {
    const batch = pick(await queue.all(), size);
    const answer = await contact(batch);
    if (answer) {
      failures = 0;
      const done = batch.filter(({ id }) => DONE.includes(answer.results[id]));
      if (done.length) await queue.remove(done);
      for (const entry of batch) if (!done.includes(entry)) await postpone(entry);
      if (!pick(await queue.all(), 1).length) return;
      continue;
    }
    // Is it the connection, or something in this batch? A contact with nothing in it tells.
    if (!batch.length || status.link === "unpaired" || !(await contact([]))) return void failures++;
    if (batch.length > 1) size = 1;
    else await postpone(batch[0]);
  } while (true);
}

/** The oldest that are due, no more than `size`, nor than a request should carry. */
function pick(entries, size) {
  const now = Date.now();
  const chosen = [];
  let bytes = 0;
  for (const entry of entries) {
    // A clock that was set back would make some wait for years.
    if (entry.due > now && entry.due < now + LONGEST_WAIT) continue;
    bytes += entry.envelope.box.length;
    if (chosen.length && (chosen.length === size || bytes > MOST_BYTES)) break;
    chosen.push(entry);
  }
  return chosen;
}

const postpone = (entry) =>
  queue.postpone(entry, Date.now() + Math.min(5_000 * 2 ** entry.tries, LONGEST_WAIT - 1));

/** The server's answer, or null; `status.link` says why. */
export async function contact(batch) {
  await look();
  const state = await queue.get("state").catch(() => null);
  let answer = null;
  let link = "offline";
  try {
    const response = await fetch("/app/entries", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({
        ...about(),
        now: Date.now(),
        length: status.queued,
        oldest: status.oldest,
        digest: state?.digest,
        entries: batch.map(({ envelope }) => envelope),
      }),
      signal: AbortSignal.timeout?.(PATIENCE),
    });
    // A hotel's log-in page answers too, with 200: only what our server says counts.
    const body = await response.json();
    if (response.ok && body.results) [answer, link] = [body, "online"];
    else if (response.status === 401 && body.error === "unpaired") link = "unpaired";
    else if (body.error) link = "broken";
  } catch {
    // no answer, or not ours
  }
  if (answer) {
    status.lastContact = Date.now();
    if (answer.state) await queue.set("state", answer.state).catch(() => null);
    await queue.set("contact", status.lastContact).catch(() => null);
  }
  status.link = link;
  tell(answer);
  return answer;
}

async function look() {
  const entries = await queue.all().catch(() => []);
  status.queued = entries.length;
  status.oldest = entries[0]?.at ?? null;
  status.lastContact ??= (await queue.get("contact").catch(() => null)) ?? null;
  tell();
}

function tell(answer) {
  for (const listener of listeners) listener(status, answer?.state);
}

async function pause() {
  const jitter = 0.8 + Math.random() * 0.4;
  if (failures) return Math.min(1_000 * 2 ** failures, BEAT) * jitter;
  const entries = await queue.all().catch(() => []);
  const due = Math.min(...entries.map((entry) => entry.due), Infinity);
  return Math.max(1_000, Math.min(BEAT * jitter, due - Date.now()));
}
