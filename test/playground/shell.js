// What is around the pages: routes, keyboard, language, theme, a narrow window.
export async function visitShell(visit) {
  const { page, check } = visit;

  // A keyboard alone: to the skip link, from there to the content, and by a link to another page.
  await page.keyboard.press("Tab");
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  check("Tab comes to the skip link first", (await focused()) === "Skip to content");
  await page.keyboard.press("Enter");
  await visit.until("the skip link leads to the content", () =>
    page.evaluate(() => document.activeElement?.id === "main"),
  );
  check("the address still names the page", /#\/train$/.test(page.url()) || !page.url().includes("#main"));
  for (const name of ["Race", "Bench", "Learn", "Train"]) {
    await (await visit.find(name, "nav a")).press("Enter");
    await visit.until(`${name} is shown, and has the focus`, () =>
      page.evaluate(
        (wanted) =>
          document.title.startsWith(wanted) &&
          document.activeElement?.id === "main" &&
          document.querySelector("nav [aria-current=page]")?.textContent === wanted,
        name,
      ),
    );
    check(`${name} has a heading`, (await page.$$("h1")).length === 1);
  }
  await page.goBack();
  await visit.until("back leads to Learn", () => page.evaluate(() => document.title.startsWith("Learn")));
  await page.goForward();
  await visit.says("h1", "Train a network");

  await visit.choose("Language", "zh");
  await visit.says("h1", "训练神经网络");
  check("the page says that it is Chinese", (await page.$eval("html", ({ lang }) => lang)) === "zh-CN");
  await visit.choose("主题", "dark");
  const shade = () => page.$eval("html", ({ dataset }) => dataset.theme);
  check("the theme is dark", (await shade()) === "dark");
  await page.reload({ waitUntil: "load" });
  await visit.says("h1", "训练神经网络");
  check("language and theme are remembered", (await shade()) === "dark");
  await visit.accessible("Chinese, dark");
  await visit.choose("主题", "system");
  for (const value of ["dark", "light"]) {
    await page.emulateMediaFeatures?.([{ name: "prefers-color-scheme", value }]).catch(() => undefined);
    if (await page.evaluate((wanted) => matchMedia(`(prefers-color-scheme: ${wanted})`).matches, value))
      await visit.until(`the system's ${value} is followed`, async () => (await shade()) === value);
  }
  await visit.choose("主题", "light");

  await page.setViewport({ width: 360, height: 740 });
  await visit.fits("360 pixels, Chinese");
  await visit.choose("语言", "en");
  await visit.says("h1", "Train a network");
  await visit.fits("360 pixels, English");
  await visit.accessible("360 pixels");
}
