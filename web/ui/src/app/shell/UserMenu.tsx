import { lazy } from "react";
import { useTranslation } from "react-i18next";
import type { Me } from "@/api/types";
import { Button } from "@/ui/Button";
import { LazyMenu } from "@/ui/LazyMenu";

const load = () => import("@/app/shell/UserMenuItems");
const Items = lazy(load);

/** Oneself: name, language, colours, keys, the way out. */
export function UserMenu({ me, onShortcuts, onSounds }: { me: Me | undefined; onShortcuts: () => void; onSounds: (() => void) | null }) {
  const { t } = useTranslation();
  const initials = (me?.name ?? "?")
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => [...word][0] ?? "")
    .join("");
  return (
    <LazyMenu
      menu={Items}
      preload={load}
      props={{ me, onShortcuts, onSounds }}
      trigger={
        <Button look="quiet" size="icon">
          <span className="sr-only">{t("shell.you", { name: me?.name ?? "" })}</span>
          <span className="flex size-7 items-center justify-center rounded-full bg-accent-soft text-xs font-semibold text-accent" aria-hidden="true">
            {initials}
          </span>
        </Button>
      }
    />
  );
}
