// Keeps the screen on while the page is seen, and asks the browser to keep what is stored.

export const state = { screen: "off", stored: "unknown" };

export async function stayAwake() {
  if (!("wakeLock" in navigator)) {
    state.screen = "unsupported";
    return;
  }
  const request = async () => {
    if (document.hidden || state.screen === "on") return;
    try {
      const lock = await navigator.wakeLock.request("screen");
      state.screen = "on";
      lock.addEventListener("release", () => (state.screen = "off"));
    } catch {
      state.screen = "off"; // the battery is low, or the system doesn't want it
    }
  };
  document.addEventListener("visibilitychange", request);
  document.addEventListener("pointerdown", request); // after the system had refused
  await request();
}

export async function keepStored() {
  const asked = await navigator.storage?.persist?.();
  state.stored = asked === undefined ? "unknown" : asked ? "kept" : "may be cleared";
}
