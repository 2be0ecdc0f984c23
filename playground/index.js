// The playground: `npm run playground` serves it, `npm run playground:build` writes it into playground/dist.
//
// Its packages are installed when they are missing; the package itself must have been built.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));

function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: here, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(`${here}node_modules`)) run("npm", "ci", "--no-audit", "--no-fund");
(await import("./digits.js")).writeDigits();

const vite = await import("vite");
if (process.argv[2] === "build") {
  run(process.execPath, "../node_modules/typescript/bin/tsc", "-p", ".");
  await vite.build({ root: here });
} else {
  const server = await vite.createServer({ root: here });
  await server.listen();
  server.printUrls();
}
