// The suite on the page's own thread.
import { digits } from "./digits.js";
import { conformance } from "./suite.js";

export const task = async () => conformance({ threads: [1, 2, 3], ...(await digits()) });
