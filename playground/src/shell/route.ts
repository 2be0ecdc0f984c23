// Which page is shown: the part of the address behind #/.
import { signal } from "@preact/signals";

export const PAGES = ["train", "race", "bench", "learn"] as const;
export type PageName = (typeof PAGES)[number];

function current(): PageName {
  const name = location.hash.replace(/^#\//, "").split(/[/?]/)[0];
  return PAGES.find((each) => each === name) ?? "train";
}

export const page = signal<PageName>(current());
addEventListener("hashchange", () => {
  // The skip link goes to #main; the browser has moved the focus there, and the address shall name the page again.
  if (location.hash === "#main") history.replaceState(null, "", `#/${page.value}`);
  else page.value = current();
});
