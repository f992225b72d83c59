// "Same as above" in the editor of opening hours: a week is typed in seconds. Without this file the
// fourteen times are typed one by one.

document.addEventListener("click", (event) => {
  const day = event.target.closest("[data-same]")?.closest("[data-day]");
  if (!day) return;
  const above = day.previousElementSibling.querySelectorAll("input");
  day.querySelectorAll("input").forEach((input, index) => (input.value = above[index].value));
});

const show = () => document.querySelectorAll("[data-same]").forEach((button) => (button.hidden = false));
if (document.readyState === "loading") addEventListener("DOMContentLoaded", show);
else show();
