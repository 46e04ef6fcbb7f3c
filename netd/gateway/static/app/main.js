/** The entry point: starts everything, and shows the frame. */

import * as connection from "./connection.js";
import { frame } from "./frame.js";
import { keepVitals } from "./history.js";
import * as instances from "./instances.js";
import * as themes from "./themes.js";

themes.start();
instances.start();
keepVitals();
document.getElementById("loading")?.replaceWith(...frame());
connection.start();
