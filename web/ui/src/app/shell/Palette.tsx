import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Command } from "cmdk";
import { Dialog as Base } from "@base-ui/react/dialog";
import { Phone, User } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { dialPad } from "@/features/dial/open";
import { type Action, currentActions, holdForModal, keysOf } from "@/lib/actions";
import { formatPhone } from "@/lib/format";
import { searchTerm, tidy } from "@/lib/phone";
import { useSettled } from "@/lib/useSettled";
import { Keys } from "@/ui/Button";

/** People, numbers in any format, and everything the open screens can do. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [text, setText] = useState("");
  // Frozen while open: running an action must not change the list under the finger.
  const [actions] = useState(() => currentActions().filter((action) => !action.unlisted));
  const term = useSettled(searchTerm(text), 200);
  const people = useQuery({
    queryKey: ["leads", "palette", term],
    queryFn: () => unwrap(api.GET("/leads", { params: { query: { q: term, limit: 8 } } })),
    enabled: term.length >= 2,
    staleTime: 5_000,
  });
  useEffect(() => holdForModal(), []);

  const wanted = tidy(text);
  // Once it is known whether somebody has this number: they come first, and Enter is theirs.
  const searched = term === searchTerm(text) && !people.isFetching;
  const dials = searched && actions.some((action) => action.id === "dial.open");
  const needle = text.trim().toLocaleLowerCase();
  const matching = actions.filter((action) => needle === "" || action.label.toLocaleLowerCase().includes(needle));
  const groups = [...new Set(matching.map((action) => action.group))];
  const go = (run: () => void) => {
    onClose();
    run();
  };

  return (
    <Base.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-black/45" />
        <Base.Popup className="fixed top-[12vh] left-1/2 z-50 w-[calc(100vw-1.5rem)] max-w-xl -translate-x-1/2 overflow-hidden rounded-xl border border-line bg-surface shadow-float outline-none">
          <Base.Title className="sr-only">{t("shell.palette")}</Base.Title>
          <Command shouldFilter={false} label={t("shell.palette")}>
            <Command.Input value={text} onValueChange={setText} placeholder={t("palette.prompt")} className="h-12 w-full border-b border-line bg-transparent px-4 text-lg outline-none" />
            <Command.List className="max-h-[50vh] overflow-y-auto p-2">
              <Command.Empty className="px-3 py-6 text-center text-ink-2">{people.isFetching ? t("ui.loading") : t("palette.nothing")}</Command.Empty>
              {people.data && people.data.items.length > 0 ? (
                <Command.Group heading={t("palette.people")} className={groupClass}>
                  {people.data.items.map((lead) => (
                    <Command.Item key={lead.id} value={`lead ${lead.id}`} className={itemClass} onSelect={() => go(() => void navigate({ to: "/leads/$leadId", params: { leadId: lead.id } }))}>
                      <User className="size-4 text-ink-3" aria-hidden="true" />
                      <span className="truncate">{lead.name}</span>
                      <span className="ml-auto text-sm whitespace-nowrap text-ink-2">{formatPhone(lead.phone)}</span>
                    </Command.Item>
                  ))}
                </Command.Group>
              ) : null}
              {dials && /^[+\d][\d\s().-]{2,}$/.test(wanted) ? (
                <Command.Group heading={t("dial.title")} className={groupClass}>
                  <Command.Item value="dial" className={itemClass} onSelect={() => go(() => dialPad.set(wanted))}>
                    <Phone className="size-4 text-ink-3" aria-hidden="true" />
                    {t("palette.dial", { number: wanted })}
                  </Command.Item>
                </Command.Group>
              ) : null}
              {groups.map((group) => (
                <Command.Group key={group} heading={group} className={groupClass}>
                  {matching
                    .filter((action) => action.group === group)
                    .map((action) => (
                      <Entry key={action.id} action={action} onRun={() => go(action.run)} />
                    ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

const groupClass = "[&_[cmdk-group-heading]]:px-2.5 [&_[cmdk-group-heading]]:py-1.5 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-ink-3";
const itemClass = "flex min-h-9 items-center gap-2.5 rounded-md px-2.5 data-[selected=true]:bg-accent-soft data-[disabled=true]:text-ink-3";

function Entry({ action, onRun }: { action: Action; onRun: () => void }) {
  const [combo] = keysOf(action);
  return (
    <Command.Item value={action.id} disabled={Boolean(action.disabledReason)} onSelect={onRun} className={itemClass}>
      <span className="truncate">{action.label}</span>
      {action.disabledReason ? <span className="truncate text-sm">{action.disabledReason}</span> : null}
      {combo ? <Keys combo={combo} className="ml-auto" /> : null}
    </Command.Item>
  );
}
