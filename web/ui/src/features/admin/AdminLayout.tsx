import { Outlet } from "@tanstack/react-router";
import { ShieldAlert } from "lucide-react";
import { useTranslation } from "react-i18next";
import { isAdmin, useMe } from "@/api/me";
import { EmptyState, SkeletonRows } from "@/ui/bits";

/** Set-up pages, for administrators. */
export function AdminLayout() {
  const { t } = useTranslation();
  const me = useMe();
  if (!me) return <SkeletonRows label={t("ui.loading")} />;
  if (!isAdmin(me.role)) {
    return (
      <EmptyState page icon={ShieldAlert} title={t("admin.forbidden")}>
        {t("admin.forbiddenHelp")}
      </EmptyState>
    );
  }
  return <Outlet />;
}
