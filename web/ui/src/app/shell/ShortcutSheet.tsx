import { Keyboard } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { needWords } from "@/i18n";
import { chosenKeys, keysOf, registered, setSingleKeys, singleKeys } from "@/lib/actions";
import { later } from "@/lib/later";
import { useStore } from "@/lib/store";
import { Button, Keys } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { CheckField } from "@/ui/Field";

const editor = later(async () => {
  const [loaded] = await Promise.all([import("@/app/shell/KeyEditor"), needWords("own")]);
  return loaded.default;
});

/** What the keys do here and now, read from the same actions that the keys run; and the way to other keys. */
export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const [editing, setEditing] = useState(false);
  return (
    <Dialog
      open
      onClose={onClose}
      title={t("shell.shortcuts")}
      note={editing ? undefined : t("shortcuts.note")}
      wide
      footer={
        <Button onClick={() => setEditing(!editing)} {...editor.near}>
          <Keyboard className="size-4" aria-hidden="true" />
          {editing ? t("ui.back") : t("shortcuts.change")}
        </Button>
      }
    >
      {editing ? <editor.Part /> : <Sheet />}
    </Dialog>
  );
}

function Sheet() {
  const { t } = useTranslation();
  const chosen = useStore(chosenKeys);
  const actions = [...useStore(registered).values()].flat().filter((action) => keysOf(action, chosen).length > 0);
  const groups = [...new Set(actions.map((action) => action.group))];
  const single = useStore(singleKeys);
  return (
    <>
      <div className="grid gap-x-8 gap-y-5 sm:grid-cols-2">
        {groups.map((group) => (
          <section key={group}>
            <h3 className="mb-1.5 text-sm font-semibold text-ink-2">{group}</h3>
            <dl>
              {actions
                .filter((action) => action.group === group)
                .map((action) => (
                  <div key={action.id} className="flex items-center justify-between gap-4 border-b border-line py-1.5 last:border-0">
                    <dt>{action.label}</dt>
                    <dd className="flex gap-2">
                      {keysOf(action, chosen).map((combo) => (
                        <span key={combo}>
                          <Keys combo={combo} />
                          <span className="sr-only">{combo}</span>
                        </span>
                      ))}
                    </dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
      <div className="mt-5 border-t border-line pt-4">
        <CheckField label={t("shortcuts.single")} hint={t("shortcuts.singleHint")} checked={single} onChange={(event) => setSingleKeys(event.target.checked)} />
      </div>
    </>
  );
}
