// main.cjs
const { DownhillError } = require("downhill");
const { learn } = require("./xor.js");

learn().then(console.log, (error) => console.error(error instanceof DownhillError ? error.message : error));
