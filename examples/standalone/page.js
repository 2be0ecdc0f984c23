// A page that reads the digit drawn on it, by what write.js has made: serve this folder, and open index.html.
const { load, metadata } = await import(new URL("build/digits.js", import.meta.url).href);
const digits = await load(new URL("build/digits.weights", import.meta.url));

const paper = /** @type {HTMLCanvasElement} */ (document.getElementById("paper"));
const read = /** @type {HTMLOutputElement} */ (document.getElementById("read"));
const ink = /** @type {CanvasRenderingContext2D} */ (paper.getContext("2d", { willReadFrequently: true }));
const small = /** @type {CanvasRenderingContext2D} */ (
  Object.assign(document.createElement("canvas"), { width: 28, height: 28 }).getContext("2d")
);

function clear() {
  ink.fillStyle = "black";
  ink.fillRect(0, 0, 280, 280);
  read.value = "Draw a digit.";
}

/** The drawing as the images of MNIST are: 28 × 28, white on black. */
function pixels() {
  small.drawImage(paper, 0, 0, 28, 28);
  const { data } = small.getImageData(0, 0, 28, 28);
  return Float32Array.from({ length: 784 }, (_, i) => (data[4 * i] ?? 0) / 255);
}

paper.addEventListener("pointermove", ({ buttons, offsetX, offsetY }) => {
  if (buttons === 0) return;
  ink.fillStyle = "white";
  ink.beginPath();
  ink.arc(offsetX, offsetY, 11, 0, 2 * Math.PI);
  ink.fill();
  const start = performance.now();
  const scores = digits.predict(pixels());
  const milliseconds = performance.now() - start;
  read.value = `${metadata.classNames[scores.indexOf(Math.max(...scores))]}, in ${milliseconds.toFixed(1)} ms`;
});
document.getElementById("clear")?.addEventListener("click", clear);
clear();
