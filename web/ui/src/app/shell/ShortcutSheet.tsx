import { useTranslation } from "react-i18next";
import { registered, setSingleKeys, singleKeys } from "@/lib/actions";
import { useStore } from "@/lib/store";
import { Keys } from "@/ui/Button";
import { Dialog } from "@/ui/Dialog";
import { CheckField } from "@/ui/Field";

/** What the keys do here and now, read from the same actions that the keys run. */
export default function ShortcutSheet({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const actions = [...useStore(registered).values()].flat().filter((action) => action.keys?.length);
  const groups = [...new Set(actions.map((action) => action.group))];
  const single = useStore(singleKeys);
  return (
    <Dialog open onClose={onClose} title={t("shell.shortcuts")} note={t("shortcuts.note")} wide>
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
                      {action.keys?.map((combo) => (
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
    </Dialog>
  );
}
