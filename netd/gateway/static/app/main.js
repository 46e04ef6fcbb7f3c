/** The entry point: starts everything, and shows the frame. */

import * as connection from "./connection.js";
import { frame } from "./frame.js";
import * as themes from "./themes.js";

themes.start();
document.getElementById("loading")?.replaceWith(...frame());
import("./vitals.js").then(({ keepVitals }) => {
  keepVitals(); // before netd is asked for the first of them, but behind what is shown first
  connection.start();
});
