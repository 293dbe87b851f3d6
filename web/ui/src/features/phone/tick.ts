/** Ticks for its page: the timers of a hidden page are slowed down to one in a minute, a worker's are not. */
const EVERY_MS = 2000;

setInterval(() => self.postMessage(null), EVERY_MS);

export {};
