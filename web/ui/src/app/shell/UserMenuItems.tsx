import { useNavigate } from "@tanstack/react-router";
import { CircleUser, Keyboard, LogOut, Volume2 } from "lucide-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { api } from "@/api/client";
import { signOut } from "@/api/session";
import type { Me } from "@/api/types";
import { LANGUAGES, type Language, language, setLanguage } from "@/i18n";
import { useStore } from "@/lib/store";
import { type Theme, setTheme, theme } from "@/lib/theme";
import { Menu, MenuChoice, MenuItem, MenuLine, MenuText } from "@/ui/Menu";

export interface UserMenuItemsProps {
  me: Me | undefined;
  onShortcuts: () => void;
  /** For those whose calls can ring here. */
  onSounds: (() => void) | null;
}

export default function UserMenuItems({ me, onShortcuts, onSounds, trigger }: UserMenuItemsProps & { trigger: ReactElement }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const chosenLanguage = useStore(language);
  const chosenTheme = useStore(theme);
  /** Here at once; the server is told, because letters are written in it. */
  const choose = (next: Language) => {
    void setLanguage(next);
    void api.PATCH("/me", { body: { language: next } }).catch(() => undefined);
  };
  return (
    <Menu trigger={trigger} defaultOpen>
      <MenuText>
        <span className="block font-semibold text-ink">{me?.name}</span>
        <span className="block">{me?.email}</span>
        <span className="block text-xs text-ink-3">
          {me ? t(`role.${me.role}`) : null}
          {me?.extension ? ` · ${t("shell.extension", { number: me.extension.number })}` : null}
        </span>
      </MenuText>
      <MenuLine />
      <MenuChoice<Language> label={t("shell.language")} value={chosenLanguage} onChange={choose} options={LANGUAGES.map(({ value, label }) => ({ value, label, lang: value }))} />
      <MenuChoice<Theme>
        label={t("shell.theme")}
        value={chosenTheme}
        onChange={setTheme}
        options={[
          { value: "system", label: t("shell.themeSystem") },
          { value: "light", label: t("shell.themeLight") },
          { value: "dark", label: t("shell.themeDark") },
        ]}
      />
      <MenuLine />
      <MenuItem onClick={() => void navigate({ to: "/account" })}>
        <CircleUser className="size-4" aria-hidden="true" />
        {t("shell.account")}
      </MenuItem>
      <MenuItem onClick={onShortcuts}>
        <Keyboard className="size-4" aria-hidden="true" />
        {t("shell.shortcuts")}
      </MenuItem>
      {onSounds ? (
        <MenuItem onClick={onSounds}>
          <Volume2 className="size-4" aria-hidden="true" />
          {t("shell.sounds")}
        </MenuItem>
      ) : null}
      <MenuItem onClick={() => void signOut()}>
        <LogOut className="size-4" aria-hidden="true" />
        {t("shell.signOut")}
      </MenuItem>
    </Menu>
  );
}
