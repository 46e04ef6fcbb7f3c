/** The dashboard begins here: the frame, then the page that the address names. */

import * as connection from "/static/app/connection.js";
import { frame } from "/static/app/frame.js";
import * as instances from "/static/app/instances.js";
import { keepVitals } from "/static/app/pages/overview.js";
import * as themes from "/static/app/themes.js";

themes.start();
instances.start();
keepVitals();
document.body.prepend(...frame());
connection.start();
