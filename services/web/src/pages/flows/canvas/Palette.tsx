import { memo } from "react";
import { useText } from "../../../i18n/index.ts";
import { ICONS } from "../StepCard.tsx";
import { KINDS, type Kind } from "../steps.ts";
import classes from "./canvas.module.css";

/** What a dragged kind of step is called on its way to the canvas. */
const DRAGGED = "application/x-merkez-step";

/** Kinds of steps, to be dragged onto the canvas, or to be clicked. */
export const Palette = memo(function Palette({ onAdd }: { onAdd: (kind: Kind) => void }) {
  const t = useText();
  return (
    <div className={classes.palette} role="group" aria-label={t("flows.addStep")}>
      <p className={classes.paletteTitle}>{t("flows.addStep")}</p>
      {KINDS.map((kind) => {
        const Sign = ICONS[kind];
        return (
          <button
            key={kind}
            type="button"
            className={classes.paletteKind}
            draggable
            onDragStart={(event) => {
              event.dataTransfer.setData(DRAGGED, kind);
              event.dataTransfer.effectAllowed = "copy";
            }}
            onClick={() => onAdd(kind)}
            data-testid={`palette-${kind}`}
          >
            <Sign size={18} stroke={1.7} aria-hidden />
            {t(`stepKind.${kind}`)}
          </button>
        );
      })}
      <p className={classes.paletteHint}>{t("canvas.paletteHint")}</p>
    </div>
  );
});

/** The kind of step that is being dragged over the canvas, if it is one. */
export function draggedKind(transfer: DataTransfer): Kind | undefined {
  const kind = transfer.getData(DRAGGED);
  return KINDS.find((each) => each === kind);
}

export function dragsKind(transfer: DataTransfer): boolean {
  return transfer.types.includes(DRAGGED);
}
