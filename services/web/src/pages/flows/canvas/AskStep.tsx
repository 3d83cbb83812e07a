import { Menu } from "@mantine/core";
import { useText } from "../../../i18n/index.ts";
import { KINDS, type Kind } from "../steps.ts";
import classes from "./canvas.module.css";
import type { Place } from "./history.ts";

/** A step that is asked for by a line that was let go beside all steps. */
export interface Asked {
  from: { id: string; exit: string };
  /** Where the step shall stand. */
  place: Place;
  /** Where the line was let go on the stage, px. */
  at: Place;
}

interface Props {
  asked: Asked | undefined;
  onAdd: (kind: Kind, asked: Asked) => void;
  onClose: () => void;
}

/** Asks which step shall be where a line was let go. */
export function AskStep({ asked, onAdd, onClose }: Props) {
  const t = useText();
  if (!asked) return null;
  return (
    <Menu opened onClose={onClose} position="bottom-start" withinPortal>
      <Menu.Target>
        <span
          className={classes.asking}
          style={{ transform: `translate(${asked.at.x}px, ${asked.at.y}px)` }}
          aria-hidden
        />
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("flows.addStep")}</Menu.Label>
        {KINDS.map((kind) => (
          <Menu.Item key={kind} onClick={() => onAdd(kind, asked)} data-testid={`canvas-ask-${kind}`}>
            {t(`stepKind.${kind}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
