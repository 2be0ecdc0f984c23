// What a suite says: a line a check, and at the end how many have passed.

const counts = { passed: 0, failed: 0 };

/**
 * One check.
 * @param {string} what
 * @param {boolean} good
 * @param {unknown} [got] Told where it is not good.
 */
export function check(what, good, got) {
  if (good) counts.passed++;
  else counts.failed++;
  console.log(
    good ? `ok   ${what}` : `FAIL ${what}: got ${typeof got === "string" ? got : JSON.stringify(got)}`,
  );
}

/** The last line of a suite. */
export function finish() {
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  process.exitCode = counts.failed > 0 ? 1 : 0;
}
