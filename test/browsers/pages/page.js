// Runs the task that the address names, and tells the server what it found.

async function run() {
  try {
    const { task } = await import(`./${location.search.slice(1)}.js`);
    return { result: await task() };
  } catch (error) {
    return { error: `${error?.name}: ${error?.message}\n${error?.stack}` };
  }
}

const told = await run();
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
