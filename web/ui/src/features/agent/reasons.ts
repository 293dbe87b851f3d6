/** Reasons for a pause that have a word of their own. */
export const REASONS = ["break", "lunch", "meeting", "training"] as const;
