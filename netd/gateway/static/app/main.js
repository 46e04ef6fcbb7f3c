/** The dashboard begins here: the frame, then the page that the address names. */

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
