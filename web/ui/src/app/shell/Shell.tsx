import { Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Grip, Menu as MenuIcon, Search } from "lucide-react";
import { Suspense, lazy, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { isAdmin, leadsTeam, makesCalls, useMe } from "@/api/me";
import { useKeptKeys } from "@/api/preferences";
import { AgentControl } from "@/features/agent/AgentControl";
import { dialPad } from "@/features/dial/open";
import { CallDock } from "@/features/hud/CallDock";
import { hud } from "@/features/hud/open";
import { Banners } from "@/app/shell/Banners";
import { useCallScreen } from "@/app/shell/callScreen";
import { Nav } from "@/app/shell/Nav";
import { UserMenu } from "@/app/shell/UserMenu";
import { needWords } from "@/i18n";
import type { Action } from "@/lib/actions";
import { later } from "@/lib/later";
import { useStore } from "@/lib/store";
import { useActions, useKeys } from "@/lib/useActions";
import { connectLive } from "@/live/socket";
import { useMyCall } from "@/live/hooks";
import { ActionButton, Button, Keys, ariaKeys } from "@/ui/Button";

const loadDialPad = () => import("@/features/dial/DialPad");
const DialPad = lazy(loadDialPad);
const Palette = lazy(() => import("@/app/shell/Palette"));
const ShortcutSheet = lazy(() => import("@/app/shell/ShortcutSheet"));
const Sounds = later(async () => {
  const [loaded] = await Promise.all([import("@/features/sound/Sounds"), needWords("own")]);
  return loaded.default;
});
const PagePhone = later(async () => {
  const [loaded] = await Promise.all([import("@/features/phone/PagePhone"), needWords("own")]);
  return loaded.default;
});
const SoundSettings = later<{ onClose: () => void }>(async () => {
  const [loaded] = await Promise.all([import("@/features/sound/SoundSettings"), needWords("own")]);
  return loaded.default;
});
const NavDrawer = lazy(() => import("@/app/shell/NavDrawer"));

const PALETTE_KEYS = ["Ctrl+KeyK"];

/** Everything around a page: the call dock is on top of all of them. */
export function Shell() {
  const { t } = useTranslation();
  const me = useMe();
  const [open, setOpen] = useState<"palette" | "sheet" | "sounds" | "nav" | null>(null);
  const call = useMyCall();
  const CallScreen = useCallScreen(call !== null || (me !== undefined && makesCalls(me.role)), call?.call.id ?? null);
  const hudShown = useStore(hud) && call !== null && CallScreen !== null;
  const path = useRouterState({ select: (state) => state.location.pathname });

  useEffect(() => connectLive(), []);
  useEffect(() => setOpen((shown) => (shown === "nav" ? null : shown)), [path]);
  const dialling = useStore(dialPad);
  const dial = useDialAction();
  const dials = me !== undefined && makesCalls(me.role) && Boolean(me.extension);
  useShellActions(setOpen);
  useKeptKeys(me?.id);
  const [paletteKey] = useKeys("palette.open", PALETTE_KEYS);
  useActions(dials ? [dial] : []);

  return (
    <div className="flex h-dvh overflow-hidden">
      <a href="#page" className="sr-only focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-60 focus:rounded-md focus:bg-surface focus:px-3 focus:py-2">
        {t("shell.skip")}
      </a>
      <aside className="hidden w-52 shrink-0 border-r border-line bg-surface md:block">
        <Nav role={me?.role} />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="flex h-12 shrink-0 items-center gap-1 border-b border-line bg-surface px-2 sm:gap-2 md:px-4">
          <Button look="quiet" size="icon" className="md:hidden" hint={t("shell.menu")} onClick={() => setOpen("nav")}>
            <MenuIcon className="size-5" aria-hidden="true" />
          </Button>
          <button
            type="button"
            onClick={() => setOpen("palette")}
            aria-keyshortcuts={paletteKey ? ariaKeys(paletteKey) : undefined}
            className="flex h-9 min-w-0 items-center gap-2 rounded-md border border-line bg-page px-2.5 text-ink-2 hover:border-edge sm:flex-1 md:max-w-md"
          >
            <Search className="size-4 shrink-0" aria-hidden="true" />
            <span className="sr-only truncate sm:not-sr-only">{t("shell.searchPrompt")}</span>
            {paletteKey ? <Keys combo={paletteKey} className="ml-auto !hidden lg:!inline-flex" /> : null}
          </button>
          <div className="ml-auto flex items-center gap-0.5 sm:gap-1.5">
            {dials ? <Sounds.Part /> : null}
            {dials ? <PagePhone.Part /> : null}
            {dials ? (
              <>
                <ActionButton action={dial} look="quiet" size="icon" aria-haspopup="dialog" aria-expanded={dialling !== null} onPointerEnter={loadDialPad} onFocus={loadDialPad}>
                  <Grip className="size-5" aria-hidden="true" />
                </ActionButton>
                <AgentControl me={me} />
              </>
            ) : null}
            <UserMenu me={me} onShortcuts={() => setOpen("sheet")} onSounds={dials ? () => setOpen("sounds") : null} />
          </div>
        </header>
        <CallDock />
        <Banners />
        <div className="relative min-h-0 flex-1">
          <main id="page" tabIndex={-1} inert={hudShown} className="h-full overflow-y-auto outline-none">
            <Outlet />
          </main>
          {hudShown ? <CallScreen call={call} /> : null}
          {dials && dialling !== null ? (
            <Suspense fallback={null}>
              <DialPad key={dialling} start={dialling} onClose={() => dialPad.set(null)} />
            </Suspense>
          ) : null}
        </div>
      </div>
      <Suspense fallback={null}>
        {open === "palette" ? <Palette onClose={() => setOpen(null)} /> : null}
        {open === "sheet" ? <ShortcutSheet onClose={() => setOpen(null)} /> : null}
        {open === "sounds" ? <SoundSettings.Part onClose={() => setOpen(null)} /> : null}
        {open === "nav" ? <NavDrawer role={me?.role} onClose={() => setOpen(null)} /> : null}
      </Suspense>
    </div>
  );
}

/** Below the dock, above the page: a call that comes while a number is typed covers nothing. */
function useDialAction(): Action {
  const { t } = useTranslation();
  return { id: "dial.open", label: t("dial.title"), group: t("hud.group"), keys: ["KeyD"], layer: 1, run: () => dialPad.set((shown) => (shown === null ? "" : null)) };
}

function useShellActions(open: (what: "palette" | "sheet") => void): void {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const role = useMe()?.role;
  const group = t("shell.goTo");
  const page = (id: string, label: string, to: string): Action => ({ layer: 1, id: `page.${id}`, label, group, run: () => void navigate({ to }) });
  const actions: Action[] = [
    { id: "palette.open", label: t("shell.palette"), group: t("shell.general"), keys: PALETTE_KEYS, layer: 1, unlisted: true, run: () => open("palette") },
    { id: "shortcuts.open", label: t("shell.shortcuts"), group: t("shell.general"), keys: ["Shift+Slash"], layer: 1, run: () => open("sheet") },
    page("queue", t("nav.queue"), "/queue"),
    page("leads", t("nav.leads"), "/leads"),
    page("calls", t("nav.calls"), "/calls"),
  ];
  if (leadsTeam(role) || role === "viewer") actions.push(page("floor", t("nav.floor"), "/floor"));
  if (isAdmin(role)) {
    for (const place of ["users", "extensions", "trunks", "numbers", "dispositions", "settings", "audit"] as const) {
      actions.push(page(place, t(`nav.${place}`), `/admin/${place}`));
    }
  }
  useActions(actions);
}
