import type { FieldPath, FieldValues, UseFormSetError } from "react-hook-form";
import i18next from "i18next";
import { type FieldProblem, asProblem } from "@/api/problem";

/** The server explains itself in English; in any other language our words for its code are told. */
export function wordsOf({ code, message }: FieldProblem): string {
  const key = `refusal.${code}`;
  if (i18next.language !== "en" && i18next.exists(key)) return i18next.t(`refusal.${code}`);
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** Puts what the server refused beside the fields it names; the rest above the buttons. */
export function applyProblem<T extends FieldValues>(error: unknown, setError: UseFormSetError<T>, known: readonly FieldPath<T>[]): void {
  const problem = asProblem(error);
  const rest: string[] = [];
  for (const one of problem.fields) {
    const { field } = one;
    const message = wordsOf(one);
    const name = known.find((path) => path === field || field.endsWith(`.${path}`) || field.endsWith(`/${path}`));
    if (name) setError(name, { message });
    else rest.push(field ? `${field}: ${message}` : message);
  }
  if (rest.length > 0 || problem.fields.length === 0) setError("root", { message: rest.join(" ") || problem.message });
}
