import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { SAVE_KEYS, useSaveKey } from "@/parts/saveKey";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";

interface FormDialogProps {
  title: string;
  note?: string;
  busy: boolean;
  rootError: string | undefined;
  onClose: () => void;
  onSubmit: () => void;
  wide?: boolean;
  children: ReactNode;
}

/** A form along the right edge; the key to save is the same in all. */
export function FormDialog({ title, note, busy, rootError, onClose, onSubmit, wide, children }: FormDialogProps) {
  const { t } = useTranslation();
  useSaveKey(onSubmit);
  return (
    <Dialog
      open
      onClose={onClose}
      place="side"
      title={title}
      note={note}
      wide={wide ?? false}
      footer={
        <>
          <Button onClick={onClose}>{t("ui.cancel")}</Button>
          <Button look="primary" busy={busy} keys={SAVE_KEYS} actionId="form.save" onClick={onSubmit}>
            {busy ? t("ui.saving") : t("ui.save")}
          </Button>
        </>
      }
    >
      <form
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {children}
        {rootError ? (
          <p role="alert" className="rounded-md bg-alarm-soft px-3 py-2 text-alarm">
            {rootError}
          </p>
        ) : null}
        <button type="submit" className="sr-only" tabIndex={-1} aria-hidden="true">
          {t("ui.save")}
        </button>
      </form>
    </Dialog>
  );
}
