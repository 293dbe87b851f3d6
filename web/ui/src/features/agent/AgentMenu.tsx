import { Circle, CircleOff, Coffee } from "lucide-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import type { Agent, AgentStateChange, Me } from "@/api/types";
import { REASONS } from "@/features/agent/reasons";
import { Menu, MenuItem, MenuLine, MenuText } from "@/ui/Menu";

export interface AgentMenuProps {
  me: Me;
  agent: Agent | null;
  onWish: (wish: AgentStateChange) => void;
}

/** The states one may ask for, and what stands in the way. */
export default function AgentMenu({ me, agent, onWish, trigger }: AgentMenuProps & { trigger: ReactElement }) {
  const { t } = useTranslation();
  return (
    <Menu trigger={trigger} defaultOpen>
      {agent?.state === "unreachable" ? (
        <MenuText>
          <span className="block max-w-64">{t("agent.unreachableHelp", { number: me.extension?.number ?? "" })}</span>
        </MenuText>
      ) : null}
      {agent?.next ? (
        <MenuText>
          <span className="block max-w-64">{t("agent.afterCall", { state: t(`agentState.${agent.next}`) })}</span>
        </MenuText>
      ) : null}
      {agent && agent.pending_outcomes.length > 0 ? (
        <MenuText>
          <span className="block max-w-64">{t("agent.outcomeFirst", { count: agent.pending_outcomes.length })}</span>
        </MenuText>
      ) : null}
      <MenuItem onClick={() => onWish({ state: "ready" })}>
        <Circle className="size-4 fill-current text-good" aria-hidden="true" />
        {t("agent.goReady")}
      </MenuItem>
      <MenuLine />
      {REASONS.map((why) => (
        <MenuItem key={why} onClick={() => onWish({ state: "paused", reason: why })}>
          <Coffee className="size-4 text-wait" aria-hidden="true" />
          {t(`pause.${why}`)}
        </MenuItem>
      ))}
      <MenuLine />
      <MenuItem onClick={() => onWish({ state: "offline" })}>
        <CircleOff className="size-4" aria-hidden="true" />
        {t("agent.goOffline")}
      </MenuItem>
    </Menu>
  );
}
