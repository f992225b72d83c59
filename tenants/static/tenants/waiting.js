/* Looks every second whether what the page waits for is over, and then loads it again. */

const address = document.querySelector("[data-progress]")?.dataset.progress;

async function look() {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if ((await answer.json()).is_over) {
      location.reload();
      return;
    }
  } catch {
    // No network at the moment: the next look is soon.
  }
  setTimeout(look, 1000);
}

if (address) setTimeout(look, 700);
