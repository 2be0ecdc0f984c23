// Where the page begins.
import { render } from "preact";
import { Shell } from "./shell/shell.tsx";
import "./shell/style.css";

render(<Shell />, document.getElementById("app")!);
