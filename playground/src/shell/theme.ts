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

/** The value of a variable of style.css, such as `--accent`, in the theme that is shown. */
export function colour(name: `--${string}`): string {
  shade.value;
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
