// The suite on the page's own thread.

import { conformance } from "../../conformance/suite.js";
import { digits, tell } from "./digits.js";

export const task = async () => conformance({ threads: [1, 2, 3], tell, ...(await digits()) });
