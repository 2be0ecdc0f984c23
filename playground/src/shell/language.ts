// The language of the page: remembered, at first that of the browser.
import { effect, signal } from "@preact/signals";
import { remember, remembered } from "./memory.ts";

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

function first(): Language {
  const wanted = remembered("language") ?? navigator.language.slice(0, 2).toLowerCase();
  return wanted in LANGUAGES ? (wanted as Language) : "en";
}

export const language = signal<Language>(first());

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
});

export function setLanguage(to: Language): void {
  language.value = to;
  remember("language", to);
}

/**
 * The words of the language in use; a component that calls this while it renders follows the choice.
 *
 * @example
 * const text = spoken({ en, zh });
 */
export function spoken<Words>(words: Record<Language, Words>): Words {
  return words[language.value];
}
