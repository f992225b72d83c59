// The service worker of a paired tablet. It answers with the tablet's own copy of its page
// (shell.js makes it) and never with anything of its own. Served at /sw.js.

const PREFIX = "shell-";
const ABOUT = "/app/shell";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.headers.has("X-Shell")) return; // shell.js wants the server's answer
  if (/^\/(admin|app\/(?!$))/.test(pathname)) return;
  event.respondWith(answer(request, pathname));
});

async function answer(request, pathname) {
  const opens = request.mode === "navigate";
  const copies = (await caches.keys()).filter((name) => name.startsWith(PREFIX)).reverse();
  for (const name of copies) {
    const cache = await caches.open(name);
    const about = await cache.match(ABOUT);
    if (!about) continue; // was never finished
    if (opens && ["/", "/app/"].includes(pathname)) {
      return Response.redirect((await about.json()).paths[0]);
    }
    const kept = await cache.match(pathname);
    if (kept) return kept;
    if (opens) break; // a page of an older copy is an old page
  }
  return fetch(request);
}
