import uiClasses from "../../ui/ui.module.css";
import { stateTone } from "./StateText.tsx";

export function StateDot({ state, color }: { state: string; color?: string | undefined }) {
  const tone = stateTone(state);
  return (
    <span style={{ color: color || `var(--m-${tone === "neutral" ? "muted" : tone})` }}>
      <span className={uiClasses.dot} style={{ display: "block" }} aria-hidden />
    </span>
  );
}
