// Where the on-screen keyboard lies over the page instead of making it smaller (iPad), the bar with
// the button is lifted above it.

export function stayAboveKeyboard() {
  const view = window.visualViewport;
  if (!view) return;
  const measure = () => {
    const covered = Math.max(0, innerHeight - view.height - view.offsetTop);
    document.documentElement.style.setProperty("--keyboard", `${Math.round(covered)}px`);
  };
  view.addEventListener("resize", measure);
  view.addEventListener("scroll", measure);
}
