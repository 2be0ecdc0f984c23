// How long the tasks of a page had the processor, from Chromium's own record of them. Unlike the clock's time it does
// not grow when other programs have the processor meanwhile. Other browsers have no such record.

/**
 * Records what the page's thread does until `stop`, which answers, for each part that the page has marked with
 * `performance.mark("<part> begins")` and `"<part> ends"`, the longest task in it, in milliseconds of the processor.
 * @param {import("puppeteer-core").Page} page
 */
export async function record(page) {
  const session = await page.createCDPSession();
  const events = [];
  session.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  const includedCategories = ["toplevel", "blink.user_timing"];
  await session.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: { includedCategories, recordMode: "recordContinuously" },
  });
  return {
    async stop() {
      const complete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
      await session.send("Tracing.end");
      await complete;
      return longestTasks(events);
    },
  };
}

function longestTasks(events) {
  const marks = events.filter(({ cat }) => cat === "blink.user_timing");
  const begun = marks.filter(({ name }) => name.endsWith(" begins"));
  return Object.fromEntries(
    begun.map(({ name, ts, pid, tid }) => {
      const part = name.slice(0, -" begins".length);
      const end = marks.find((mark) => mark.name === `${part} ends`).ts;
      const own = events.filter(
        (each) =>
          each.name.endsWith("RunTask") &&
          each.pid === pid &&
          each.tid === tid &&
          each.ts < end &&
          each.ts + each.dur > ts,
      );
      // Tasks too short for the clock of the processor have no time of it.
      return [part, Math.max(...own.map(({ tdur, dur }) => tdur ?? dur)) / 1000];
    }),
  );
}
