// Light, dark, or as the system has it. Charts that draw with colours read them when `shade` changes.
import { computed, effect, signal } from "@preact/signals";
import { remember, remembered } from "./memory.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const kept = remembered("theme");
export const theme = signal<Theme>(THEMES.find((each) => each === kept) ?? "system");

const query = matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(query.matches);
query.addEventListener("change", ({ matches }) => {
  systemIsDark.value = matches;
});

/** What is shown. */
export const shade = computed<"light" | "dark">(() =>
  theme.value === "system" ? (systemIsDark.value ? "dark" : "light") : theme.value,
);

effect(() => {
  document.documentElement.dataset.theme = shade.value;
});

export function setTheme(to: Theme): void {
  theme.value = to;
  remember("theme", to);
}

const ink = new OffscreenCanvas(1, 1).getContext("2d")!;
/** Red, green and blue, 0 to 255, of a variable of style.css, in the theme that is shown. */
export function channels(name: `--${string}`): [number, number, number] {
  // However it is written, a canvas gives it back as #rrggbb.
  ink.fillStyle = colour(name);
  const number = Number.parseInt((ink.fillStyle as string).slice(1), 16);
  return [number >> 16, (number >> 8) & 255, number & 255];
}

/** The value of a variable of style.css, such as `--accent`, in the theme that is shown. */
export function colour(name: `--${string}`): string {
  shade.value;
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
