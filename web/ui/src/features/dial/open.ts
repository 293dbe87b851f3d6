import { createStore } from "@/lib/store";

/** Null while the dial pad is closed; else what it begins with. */
export const dialPad = createStore<string | null>(null);
