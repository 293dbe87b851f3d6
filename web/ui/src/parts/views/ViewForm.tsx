import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import type { SavedView } from "@/api/types";
import { SAVE_KEYS, submitForm, useSaveKey } from "@/parts/saveKey";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { CheckField, TextField } from "@/ui/Field";

const FORM = "view-form";

interface ViewFormProps {
  title: string;
  view?: SavedView;
  /** Managers and administrators. */
  mayShare: boolean;
  busy: boolean;
  onClose: () => void;
  onSave: (view: { name: string; shared: boolean }) => void;
}

/** A view's name, and whether everybody sees it. */
export function ViewForm({ title, view, mayShare, busy, onClose, onSave }: ViewFormProps) {
  const { t } = useTranslation();
  useSaveKey(submitForm(FORM));
  const [name, setName] = useState(view?.name ?? "");
  const [shared, setShared] = useState(view?.shared ?? false);
  const [error, setError] = useState<string | null>(null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (name.trim() === "") setError(t("form.required"));
    else onSave({ name: name.trim(), shared });
  };
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      footer={
        <>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button look="primary" type="submit" form={FORM} keys={SAVE_KEYS} actionId="form.save" busy={busy}>
            {t("ui.save")}
          </Button>
        </>
      }
    >
      <form id={FORM} noValidate className="flex flex-col gap-4" onSubmit={submit}>
        <TextField
          label={t("views.name")}
          required
          autoFocus
          maxLength={60}
          autoComplete="off"
          value={name}
          error={error}
          onChange={(event) => {
            setName(event.target.value);
            setError(null);
          }}
        />
        {mayShare ? <CheckField label={t("views.share")} hint={t("views.shareHint")} checked={shared} onChange={(event) => setShared(event.target.checked)} /> : null}
      </form>
    </Dialog>
  );
}
