/** How netd did since the page was opened, kept while other pages are looked at. */

import { onVitals } from "./connection.js";
import { Series } from "./plots/series.js";

/** Seconds between two vitals. */
const EVERY = 1;

/** What the vitals were since the page was opened: kept while other pages are looked at. */
export const history = { rate: new Series(EVERY), connections: new Series(EVERY), lag: new Series(EVERY) };
let isKept = false;

/** Begin to keep the vitals. Once. */
export function keepVitals() {
  if (isKept) return;
  isKept = true;
  onVitals(({ now: last, before }) => {
    const isNews = before?.started === last.started && last.uptime > before.uptime;
    history.connections.push(last.time, last.connections, isNews);
    history.lag.push(last.time, last.lag * 1000, isNews);
    if (isNews) history.rate.push(last.time, (last.published - before.published) / (last.uptime - before.uptime), isNews);
  });
}
