import { Link } from "@tanstack/react-router";
import { Activity, Cable, Hash, History, ListChecks, ListTodo, type LucideIcon, Phone, PhoneCall, Settings, UserCog, Users } from "lucide-react";
import { useTranslation } from "react-i18next";
import { isAdmin, leadsTeam } from "@/api/me";
import type { Role } from "@/api/types";
import { Mark } from "@/ui/Mark";

/** The way to every page this person may see. */
export function Nav({ role }: { role: Role | undefined }) {
  const { t } = useTranslation();
  const seesFloor = leadsTeam(role) || role === "viewer";
  return (
    <nav aria-label={t("shell.pages")} className="flex h-full flex-col gap-0.5 overflow-y-auto p-3">
      <Link to="/" className="mb-3 rounded-md px-2 py-1">
        <Mark />
      </Link>
      {role === "viewer" ? null : <Item to="/queue" icon={ListTodo} label={t("nav.queue")} />}
      <Item to="/leads" icon={Users} label={t("nav.leads")} />
      <Item to="/calls" icon={PhoneCall} label={t("nav.calls")} />
      {seesFloor ? <Item to="/floor" icon={Activity} label={t("nav.floor")} /> : null}
      {isAdmin(role) ? (
        <>
          <p className="mt-4 px-2.5 pb-1 text-xs font-semibold text-ink-3">{t("nav.admin")}</p>
          <Item to="/admin/users" icon={UserCog} label={t("nav.users")} />
          <Item to="/admin/extensions" icon={Phone} label={t("nav.extensions")} />
          <Item to="/admin/trunks" icon={Cable} label={t("nav.trunks")} />
          <Item to="/admin/numbers" icon={Hash} label={t("nav.numbers")} />
          <Item to="/admin/dispositions" icon={ListChecks} label={t("nav.dispositions")} />
          <Item to="/admin/settings" icon={Settings} label={t("nav.settings")} />
          <Item to="/admin/audit" icon={History} label={t("nav.audit")} />
        </>
      ) : null}
    </nav>
  );
}

function Item({ to, icon: Icon, label }: { to: string; icon: LucideIcon; label: string }) {
  return (
    <Link
      to={to}
      className="flex min-h-9 items-center gap-2.5 rounded-md px-2.5 text-ink-2 hover:bg-sunken hover:text-ink"
      activeProps={{ className: "!bg-accent-soft !text-accent font-semibold", "aria-current": "page" }}
    >
      <Icon className="size-4 shrink-0" aria-hidden="true" />
      <span className="truncate">{label}</span>
    </Link>
  );
}
