/* Beside the colours of brand and page: palettes out of the logo to click on, and the contrast of
   what is typed, with the nearest colour that passes. What is right the server says. */

const NAMES = ["background", "surface", "text", "accent"];

for (const tools of document.querySelectorAll("[data-colour-tools]")) start(tools);

function start(tools) {
  const { prefix, contrastUrl, palettesUrl } = tools.dataset;
  const otherwise = JSON.parse(tools.dataset.otherwise);
  const input = (name) => document.getElementById(`id_${prefix}${name}`);
  const colour = (name) => input(name).value.trim() || otherwise[name] || "";
  const logo = () => input("logo").value || otherwise.logo || "";
  let waiting, asked;

  function set(colours) {
    for (const [name, value] of Object.entries(colours)) {
      input(name).value = value;
      // wagtail-color-panel's own listeners bring the swatch along.
      for (const type of ["input", "change"]) {
        input(name).dispatchEvent(new Event(type, { bubbles: true }));
      }
    }
  }

  async function contrast() {
    const colours = Object.fromEntries(NAMES.map((name) => [name, colour(name)]));
    const query = String(new URLSearchParams(colours));
    if (query === asked) return;
    asked = query;
    const { pairs } = await json(`${contrastUrl}?${query}`);
    if (query !== asked) return; // a later answer is on its way
    tools.querySelector("[data-contrast]").replaceChildren(...pairs.map((pair) => line(pair, set)));
  }

  async function palettes() {
    const image = logo();
    const place = tools.querySelector("[data-palettes]");
    const found = image ? (await json(`${palettesUrl}?image=${image}`)).palettes : [];
    if (image !== logo()) return;
    place.hidden = !found.length;
    place
      .querySelector("[data-palettes-list]")
      .replaceChildren(...found.map((palette) => button(palette, set)));
  }

  if (prefix) for (const name of NAMES) asTheBrand(input(name), otherwise[name]);
  const mine = new Set(NAMES.flatMap((name) => [`id_${prefix}${name}`, `id_${prefix}${name}-color`]));
  document.addEventListener("input", (event) => {
    if (!mine.has(event.target.id)) return;
    clearTimeout(waiting);
    waiting = setTimeout(contrast, 150);
  });
  input("logo").addEventListener("change", palettes);
  contrast();
  palettes();
}

/* An empty colour of a page is the brand's: shown in the field and on the swatch. */
function asTheBrand(field, colour) {
  const swatch = document.getElementById(`${field.id}-color`);
  field.placeholder = `${colour} (as the brand)`;
  const show = () => {
    if (!field.value) swatch.value = colour;
  };
  field.addEventListener("input", show);
  show();
}

function line(pair, set) {
  const text = element("p", `contrast contrast--${pair.passes ? "good" : "bad"}`);
  const words = pair.passes ? "can be read well" : "is too faint";
  const mark = element("span", "contrast__mark", pair.passes ? "✓" : "!");
  mark.ariaHidden = "true";
  const label = pair.colour === "accent" && pair.passes ? "stands out well" : words;
  text.append(mark, element("span", "", `${pair.label} ${label}: ${pair.ratio} : 1`));
  if (!pair.passes) {
    const offer = element("button", "button button-small button-secondary");
    offer.type = "button";
    offer.append(dot(pair.nearest), `Take ${pair.nearest}, the nearest that works`);
    offer.addEventListener("click", () => set({ [pair.colour]: pair.nearest }));
    text.append(element("span", "", `It needs ${pair.needed} : 1.`), offer);
  }
  return text;
}

function button(palette, set) {
  const { name, ...colours } = palette;
  const choose = element("button", "palette");
  choose.type = "button";
  const sample = element("span", "palette__sample");
  sample.ariaHidden = "true";
  for (const colour of NAMES) sample.append(dot(colours[colour]));
  choose.append(sample, element("span", "", name));
  choose.addEventListener("click", () => set(colours));
  return choose;
}

function dot(colour) {
  const swatch = element("span", "swatch");
  swatch.style.backgroundColor = colour;
  return swatch;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

async function json(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" } });
  return answer.ok ? answer.json() : { pairs: [], palettes: [] };
}
