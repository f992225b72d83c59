// The tablet's own copy of its page, in every language, with all that belongs to it. Made anew when
// the server names another release, whole or not at all; the service worker (sw.js) serves it, and
// the page on the screen isn't touched: what is new is seen when the page is next opened, which is
// between two shoppers.

const PREFIX = "shell-";
const ABOUT = "/app/shell"; // the entry that is written last: a copy with it is complete
const PARTS = /\/(?:static|media|brand)\/[^"'\s()<>\\]+/g;
const IMPORTS = /"(\.\/[\w.-]+\.(?:js|css))"/g;

export const possible = () => "serviceWorker" in navigator && "caches" in globalThis;

export async function register() {
  await navigator.serviceWorker.register("/sw.js", { scope: "/" });
  await navigator.serviceWorker.ready;
}

/** What the newest complete copy says of itself: {release, paths}, or null. */
export async function current() {
  for (const name of (await caches.keys()).reverse()) {
    if (!name.startsWith(PREFIX)) continue;
    const about = await (await caches.open(name)).match(ABOUT);
    if (about) return about.json();
  }
  return null;
}

/** Makes a copy of `release` of the pages at `paths`. False: there was nothing to do. */
export function keep(release, paths) {
  const work = async () => {
    const now = await current();
    if (!paths.length || (now?.release === release && String(now.paths) === String(paths))) {
      return false;
    }
    const name = `${PREFIX}${Date.now()}-${Math.random()}`;
    try {
      await fill(await caches.open(name), release, paths);
    } catch (error) {
      await caches.delete(name);
      throw error;
    }
    // The one before stays: a page that is open may still want a picture of it.
    const copies = (await caches.keys()).filter((key) => key.startsWith(PREFIX));
    for (const old of copies.slice(0, -2)) await caches.delete(old);
    return true;
  };
  return navigator.locks ? navigator.locks.request("shell", work) : work();
}

async function fill(cache, release, paths) {
  const found = new Set();
  for (const path of paths) {
    const { text, headers } = await load(path);
    for (const [part] of text.matchAll(PARTS)) found.add(part.replaceAll("&amp;", "&"));
    await cache.put(path, new Response(mark(text), { headers }));
  }
  // A set that grows while it is walked: styles name pictures, modules name modules.
  for (const part of found) {
    const { response, text, headers } = await load(part);
    if (text === null) {
      await cache.put(part, response);
      continue;
    }
    for (const [inner] of text.matchAll(PARTS)) found.add(inner);
    for (const [, inner] of text.matchAll(IMPORTS)) {
      found.add(new URL(inner, new URL(part, location.href)).pathname);
    }
    await cache.put(part, new Response(text, { headers }));
  }
  const about = new Response(JSON.stringify({ release, paths }));
  await cache.put(ABOUT, about);
}

/** `data-app` tells the page's own modules that this is a paired tablet. */
function mark(html) {
  const links =
    '<link rel="manifest" href="/app/manifest.webmanifest">' +
    '<link rel="apple-touch-icon" href="/app/icon-180.png">';
  return html.replace("<html", "<html data-app").replace("</head>", `${links}</head>`);
}

async function load(url) {
  // Asked of the server each time; the browser's own cache answers for what hasn't changed.
  const response = await fetch(url, { cache: "no-cache", headers: { "X-Shell": "1" } });
  if (!response.ok || response.redirected) throw new Error(`${url}: ${response.status}`);
  const headers = new Headers();
  for (const name of ["Content-Type", "Content-Security-Policy", "Referrer-Policy"]) {
    if (response.headers.has(name)) headers.set(name, response.headers.get(name));
  }
  const isText = /^text\/|javascript/.test(headers.get("Content-Type"));
  return { response, headers, text: isText ? await response.text() : null };
}
