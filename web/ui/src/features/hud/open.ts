import { createStore } from "@/lib/store";

/** The call screen covers the page; closed, the dock alone shows the call. */
export const hud = createStore(false);
