// What is around every page. A page is loaded when it is first shown.
import { useSignal, useSignalEffect } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { en } from "../words/en.ts";
import { zh } from "../words/zh.ts";
import { Header } from "./header.tsx";
import { spoken } from "./language.ts";
import { type PageName, page } from "./route.ts";

const LOAD: Record<PageName, () => Promise<{ Page: ComponentType }>> = {
  train: () => import("../pages/train/index.tsx"),
  race: () => import("../pages/race/index.tsx"),
  bench: () => import("../pages/bench/index.tsx"),
  learn: () => import("../pages/learn/index.tsx"),
};

interface Shown {
  readonly name: PageName;
  readonly Page?: ComponentType;
  readonly error?: string;
}

export function Shell() {
  const text = spoken({ en, zh });
  const main = useRef<HTMLElement>(null);
  const shown = useSignal<Shown | undefined>(undefined);

  useSignalEffect(() => {
    const name = page.value;
    LOAD[name]().then(
      ({ Page }) => {
        if (page.peek() !== name) return;
        // Whoever followed a link goes on reading at the new page; the first page takes no focus.
        const moved = shown.peek() !== undefined;
        shown.value = { name, Page };
        if (moved) requestAnimationFrame(() => main.current?.focus({ preventScroll: true }));
        scrollTo(0, 0);
      },
      (error) => {
        shown.value = { name, error: String(error) };
      },
    );
  });
  useEffect(() => {
    document.title = `${text[page.value]} · downhill`;
  });

  const { Page, error } = shown.value ?? {};
  return (
    <>
      <a class="skip" href="#main">
        {text.skip}
      </a>
      <Header />
      <main id="main" ref={main} tabIndex={-1}>
        {Page ? <Page /> : error ? <p role="alert">{error}</p> : <p class="quiet">{text.loading}</p>}
      </main>
      <footer class="quiet">{text.footer}</footer>
    </>
  );
}
