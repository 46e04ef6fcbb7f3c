/** How netd did since the dashboard was opened: kept while other pages are looked at. */

import { onVitals } from "./connection.js";
import { Series } from "./plots/series.js";

/** Seconds between two vitals. */
const EVERY = 1;

export const vitalsSeries = { rate: new Series(EVERY), connections: new Series(EVERY), lag: new Series(EVERY) };

/** Begin to keep the vitals. Once. */
export const keepVitals = () => onVitals(note);

/** Keep what one of the vitals says; the rate takes two, of the same netd. */
export function note({ now, before }) {
  const isNews = before?.started === now.started && now.uptime > before.uptime;
  vitalsSeries.connections.push(now.time, now.connections, isNews);
  vitalsSeries.lag.push(now.time, now.lag * 1000, isNews);
  if (isNews) vitalsSeries.rate.push(now.time, (now.published - before.published) / (now.uptime - before.uptime), isNews);
}
