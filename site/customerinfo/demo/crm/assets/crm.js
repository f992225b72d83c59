// Keeps the page's live part up to date and its times relative. No dependency, no build step.
const live = document.getElementById("live");
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

function ago(moment) {
  const seconds = Math.round((Date.now() - new Date(moment)) / 1000);
  if (seconds < 2) return "just now";
  if (seconds < 60) return words.format(-seconds, "second");
  if (seconds < 3600) return words.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return words.format(-Math.floor(seconds / 3600), "hour");
  return new Date(moment).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

function tellTimes() {
  for (const time of live.querySelectorAll("time")) {
    time.title ||= new Date(time.dateTime).toLocaleString();
    time.textContent = ago(time.dateTime);
  }
}

async function refresh() {
  const address = new URL(location.href);
  address.searchParams.set("seen", live.dataset.revision);
  const answer = await fetch(address);
  if (answer.status !== 200) return;
  const known = new Set(Array.from(live.querySelectorAll("[data-key]"), (row) => row.dataset.key));
  live.innerHTML = await answer.text(); // escaped by the server, and the policy allows no script in it
  live.dataset.revision = answer.headers.get("X-Revision");
  for (const row of live.querySelectorAll("[data-key]")) {
    row.classList.toggle("fresh", !known.has(row.dataset.key));
  }
}

async function tick() {
  if (!document.hidden) {
    try {
      await refresh();
      document.body.classList.remove("offline");
    } catch {
      document.body.classList.add("offline"); // stopped, perhaps; it may come back
    }
    tellTimes();
  }
  setTimeout(tick, 1000);
}

tellTimes();
tick();
