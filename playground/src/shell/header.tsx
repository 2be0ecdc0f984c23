// The bar at the top: the pages, the language, the theme.
import { en } from "../words/en.ts";
import { zh } from "../words/zh.ts";
import { LANGUAGES, type Language, language, setLanguage, spoken } from "./language.ts";
import { PAGES, page } from "./route.ts";
import { setTheme, THEMES, type Theme, theme } from "./theme.ts";

export function Header() {
  const text = spoken({ en, zh });
  return (
    <header class="header">
      <a class="brand" href="#/train">
        downhill
      </a>
      <nav aria-label={text.pages}>
        {PAGES.map((name) => (
          <a key={name} href={`#/${name}`} aria-current={page.value === name ? "page" : undefined}>
            {text[name]}
          </a>
        ))}
      </nav>
      <div class="settings">
        <select
          aria-label={text.language}
          value={language.value}
          onChange={({ currentTarget }) => setLanguage(currentTarget.value as Language)}
        >
          {Object.entries(LANGUAGES).map(([key, name]) => (
            <option key={key} value={key} lang={key}>
              {name}
            </option>
          ))}
        </select>
        <select
          aria-label={text.theme}
          value={theme.value}
          onChange={({ currentTarget }) => setTheme(currentTarget.value as Theme)}
        >
          {THEMES.map((each) => (
            <option key={each} value={each}>
              {text[each]}
            </option>
          ))}
        </select>
      </div>
    </header>
  );
}
