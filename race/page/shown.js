// The data of the page, which optimizers are shown, and how their lines look.
/* global document, getComputedStyle */
export const { tasks, entries, profile, maps, budget, seeds } = JSON.parse(
  document.getElementById("data").textContent,
);

const SHOWN = 6;
const DASHES = [[], [7, 4], [2, 3]];
const BORDERS = ["solid", "dashed", "dotted"];

export const byId = (id) => document.getElementById(id);
export const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function element(tag, parent, properties = {}) {
  const made = Object.assign(document.createElement(tag), properties);
  parent.append(made);
  return made;
}

/** Shown optimizers by place: the place gives hue and dash, and is kept for as long as the optimizer is shown. */
const places = profile.slice(0, SHOWN).map(({ name }) => name);
export const isShown = (name) => places.includes(name);
export const shownNames = () => places.filter((name) => name !== undefined);

/** What draws a chart or a map again; each adds its own. */
export const redraws = [];

export function toggle(name) {
  const free = places.indexOf(undefined);
  if (isShown(name)) places[places.indexOf(name)] = undefined;
  else if (free >= 0) places[free] = name;
  else places.push(name);
  drawAll();
}

/** How an optimizer's line looks: hues first, then hues again with dashes. */
export function styleOf(name) {
  const place = places.indexOf(name);
  const hues = cssColor("--hues").split(" ");
  const dash = Math.floor(place / hues.length) % DASHES.length;
  return { color: hues[place % hues.length], dash: DASHES[dash], border: BORDERS[dash] };
}

function drawLegend() {
  const legend = byId("legend");
  legend.replaceChildren();
  for (const name of shownNames()) {
    const { color, border } = styleOf(name);
    const button = element("button", legend, { title: `Hide ${name}`, onclick: () => toggle(name) });
    const key = element("span", button, { className: "key" });
    Object.assign(key.style, { borderTopColor: color, borderTopStyle: border });
    button.append(name);
  }
  if (legend.childElementCount === 0) legend.textContent = "Tick an optimizer in the leaderboard to draw it.";
  for (const box of document.querySelectorAll("#table input")) box.checked = isShown(box.value);
}

export function drawAll() {
  drawLegend();
  for (const redraw of redraws) redraw();
}
