import { useTranslation } from "react-i18next";
import type { Role } from "@/api/types";
import { Nav } from "@/app/shell/Nav";
import { Dialog } from "@/ui/Dialog";

/** The pages on narrow screens. */
export default function NavDrawer({ role, onClose }: { role: Role | undefined; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open title={t("shell.menu")} onClose={onClose} place="side">
      <Nav role={role} />
    </Dialog>
  );
}
