import { useMutation, useQueryClient } from "@tanstack/react-query";
import { UserPlus } from "lucide-react";
import { type ComponentProps, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { useMe } from "@/api/me";
import type { User } from "@/api/types";
import { rowsOf, useUsers } from "@/features/admin/api";
import type { UserForm } from "@/features/admin/users/UserForm";
import { formatWhen } from "@/lib/format";
import { useSettled } from "@/lib/useSettled";
import { laterForm } from "@/parts/laterForm";
import { ListState, MoreButton } from "@/parts/ListState";
import { Button } from "@/ui/Button";
import { Badge, PageHeader } from "@/ui/bits";
import { TextField } from "@/ui/Field";
import { type Column, Table } from "@/ui/Table";
import { toast } from "@/ui/toast";

const form = laterForm<ComponentProps<typeof UserForm>>(() => import("@/features/admin/users/UserForm").then((loaded) => loaded.UserForm));

/** Who may sign in, and as what. */
export function UsersPage() {
  const { t } = useTranslation();
  const me = useMe();
  const queries = useQueryClient();
  const [text, setText] = useState("");
  const [editing, setEditing] = useState<User | "new" | null>(null);
  const users = useUsers(useSettled(text.trim(), 250));
  const rows = rowsOf(users);
  const activate = useMutation({
    mutationFn: ({ user, active }: { user: User; active: boolean }) => unwrap(api.PATCH("/users/{id}", { params: { path: { id: user.id } }, body: { active } })),
    onSuccess: (_answer, { user, active }) => {
      void queries.invalidateQueries({ queryKey: ["users"] });
      toast("done", t(active ? "users.activated" : "users.deactivated", { name: user.name }), { undoLabel: t("ui.undo"), undo: () => activate.mutate({ user, active: !active }) });
    },
  });
  const columns: Column<User>[] = [
    {
      key: "name",
      title: t("users.name"),
      cell: (user) => (
        <>
          <span className="font-semibold">{user.name}</span>
          <span className="block text-sm break-all text-ink-2">{user.email}</span>
          <span className="block text-sm text-ink-2 sm:hidden">{t(`role.${user.role}`)}</span>
        </>
      ),
    },
    { key: "role", title: t("users.role"), from: "sm", cell: (user) => t(`role.${user.role}`) },
    { key: "extension", title: t("users.extension"), from: "sm", cell: (user) => user.extension ?? "–" },
    { key: "last", title: t("users.lastLogin"), from: "md", cell: (user) => (user.last_login_at ? formatWhen(user.last_login_at) : t("lead.never")) },
    {
      key: "active",
      title: t("users.status"),
      from: "sm",
      cell: (user) => (
        <span className="flex flex-wrap gap-1">
          <Badge tone={user.active ? "good" : "plain"}>{user.active ? t("users.active") : t("users.inactive")}</Badge>
          {user.otp_enabled ? <Badge tone="accent">{t("users.otp")}</Badge> : null}
        </span>
      ),
    },
    {
      key: "do",
      title: <span className="sr-only">{t("ui.actions")}</span>,
      className: "text-right sm:whitespace-nowrap",
      cell: (user) => (
        <>
          <Button look="quiet" size="sm" aria-label={t("ui.editName", { name: user.name })} onClick={() => setEditing(user)} {...form.near}>
            {t("ui.edit")}
          </Button>
          <Button
            look="quiet"
            size="sm"
            aria-label={`${user.active ? t("users.deactivate") : t("users.activate")}: ${user.name}`}
            disabledReason={user.id === me?.id ? t("users.notOneself") : null}
            onClick={() => activate.mutate({ user, active: !user.active })}
          >
            {user.active ? t("users.deactivate") : t("users.activate")}
          </Button>
        </>
      ),
    },
  ];
  return (
    <>
      <PageHeader
        title={t("nav.users")}
        note={t("users.note")}
        actions={
          <Button look="primary" onClick={() => setEditing("new")} {...form.near}>
            <UserPlus className="size-4" aria-hidden="true" />
            {t("users.new")}
          </Button>
        }
      />
      <div className="px-4 pb-3 md:px-6">
        <TextField className="w-full sm:w-72" type="search" label={t("users.search")} hideLabel placeholder={t("users.search")} value={text} onChange={(event) => setText(event.target.value)} />
      </div>
      <div className="mx-4 mb-6 rounded-lg border border-line bg-surface md:mx-6">
        <ListState query={users} count={rows.length} empty={{ title: t("users.none"), help: t("users.noneHelp") }}>
          <Table label={t("nav.users")} columns={columns} rows={rows} id={(user) => user.id} muted={(user) => !user.active} />
          <MoreButton pages={users} />
        </ListState>
      </div>
      {editing ? <form.Part user={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
    </>
  );
}
