/** What one tab of a browser does for all of them. */
/** Waits to be the one tab of this browser that does something; returns the way to hand it on. */
export function beTheOne(name: string, onHeld: (held: boolean) => void): () => void {
  if (!navigator.locks) {
    onHeld(true);
    return () => onHeld(false);
  }
  const gone = new AbortController();
  let release: (() => void) | undefined;
  navigator.locks
    .request(name, { signal: gone.signal }, () => {
      onHeld(true);
      return new Promise<void>((done) => {
        release = done;
      });
    })
    // Given up while it waited.
    .catch(() => undefined);
  return () => {
    gone.abort();
    release?.();
    onHeld(false);
  };
}
