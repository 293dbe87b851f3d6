/** Windows whose code comes when somebody opens one. Where it does not come, that is said, and one can press again. */
import { type ComponentType, useEffect } from "react";
import i18next from "i18next";
import { type Later, later } from "@/lib/later";
import { toast } from "@/ui/toast";

export function laterForm<P extends { onClose: () => void }>(load: () => Promise<ComponentType<P>>): Pick<Later<P>, "Part" | "near"> {
  const form = later<P>(load);
  function Part(props: P) {
    const Loaded = form.useLoaded(false);
    const { onClose } = props;
    useEffect(() => {
      let shown = true;
      void form.fetch().then((came) => {
        if (came || !shown) return;
        toast("failed", i18next.t("problem.part"));
        onClose();
      });
      return () => {
        shown = false;
      };
      // Opened once: what its owner passes later does not open it again.
      // eslint-disable-next-line react-hooks/exhaustive-deps
    }, []);
    return Loaded ? <Loaded {...props} /> : null;
  }
  return { Part, near: form.near };
}
