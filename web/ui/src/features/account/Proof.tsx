/** What forms that change how one signs in have in common: the password of now, and a refusal that is no field's. */
import { useTranslation } from "react-i18next";
import { type Problem, asProblem } from "@/api/problem";
import { TextField } from "@/ui/Field";

/** A failed change, and the fault of a field in it. */
export function faultsOf(error: unknown): { problem: Problem | null; faultOf: (field: string) => string | undefined } {
  const problem = error ? asProblem(error) : null;
  return { problem, faultOf: (field) => problem?.fields.find((fault) => fault.field === field)?.message };
}

export function CurrentPassword({ value, wrong, onChange, autoFocus }: { value: string; wrong: boolean; onChange: (value: string) => void; autoFocus?: boolean }) {
  const { t } = useTranslation();
  return (
    <TextField
      label={t("account.currentPassword")}
      type="password"
      autoComplete="current-password"
      required
      autoFocus={autoFocus ?? false}
      value={value}
      error={wrong ? t("account.wrongPassword") : null}
      onChange={(event) => onChange(event.target.value)}
    />
  );
}

/** Why it was refused, where no field is to blame. */
export function Refusal({ problem }: { problem: Problem | null }) {
  const { t } = useTranslation();
  if (!problem || problem.fields.length > 0) return null;
  return (
    <p role="alert" className="text-alarm">
      {problem.status === 429 ? t("signIn.tooMany") : problem.message}
    </p>
  );
}
