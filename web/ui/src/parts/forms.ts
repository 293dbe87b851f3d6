import type { FieldPath, FieldValues, UseFormSetError } from "react-hook-form";
import { asProblem } from "@/api/problem";

/** Puts what the server refused beside the fields it names; the rest above the buttons. */
export function applyProblem<T extends FieldValues>(error: unknown, setError: UseFormSetError<T>, known: readonly FieldPath<T>[]): void {
  const problem = asProblem(error);
  const rest: string[] = [];
  for (const { field, message } of problem.fields) {
    const name = known.find((one) => one === field || field.endsWith(`.${one}`) || field.endsWith(`/${one}`));
    if (name) setError(name, { message });
    else rest.push(field ? `${field}: ${message}` : message);
  }
  if (rest.length > 0 || problem.fields.length === 0) setError("root", { message: rest.join(" ") || problem.message });
}
