import { useTranslation } from "react-i18next";
import { CopyText } from "@/parts/CopyText";
import { Button } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";

/** Shown this once. */
export function RecoveryCodes({ codes, onClose }: { codes: readonly string[]; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("account.codesTitle")}
      note={t("account.codesNote")}
      footer={
        <Button look="primary" onClick={onClose}>
          {t("account.codesKept")}
        </Button>
      }
    >
      <ul aria-label={t("account.codesTitle")} className="mb-4 grid grid-cols-1 gap-1.5 font-mono text-sm sm:grid-cols-2">
        {codes.map((code) => (
          <li key={code} className="rounded-md bg-sunken px-2.5 py-1.5 select-all">
            {code}
          </li>
        ))}
      </ul>
      <CopyText label={t("account.codesAll")} text={codes.join(" ")} />
    </Dialog>
  );
}
