import { Button, Menu, Select } from "@mantine/core";
import {
  IconFocusCentered,
  IconHierarchy2,
  IconPlus,
  IconSearch,
  IconZoomIn,
  IconZoomOut,
} from "@tabler/icons-react";
import { memo } from "react";
import type { Step } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { KINDS, type Kind } from "../steps.ts";
import { CanvasAction } from "./CanvasAction.tsx";
import classes from "./canvas.module.css";

interface Props {
  steps: readonly Step[];
  onFind: (stepId: string) => void;
  onAdd: (kind: Kind) => void;
  onArrange: () => void;
  onFit: () => void;
  onZoom: (by: "in" | "out") => void;
}

export const Toolbar = memo(function Toolbar({ steps, onFind, onAdd, onArrange, onFit, onZoom }: Props) {
  const t = useText();
  return (
    <div className={classes.toolbar} role="group" aria-label={t("canvas.tools")}>
      <Select
        className={classes.find ?? ""}
        aria-label={t("canvas.find")}
        placeholder={t("canvas.find")}
        nothingFoundMessage={t("canvas.notFound")}
        leftSection={<IconSearch size={16} aria-hidden />}
        searchable
        size="sm"
        limit={50}
        data={optionsFor(steps)}
        value={null}
        onChange={(stepId) => stepId && onFind(stepId)}
        data-testid="canvas-find"
      />
      <Menu position="bottom-start">
        <Menu.Target>
          <Button
            className={classes.addInToolbar ?? ""}
            variant="default"
            size="sm"
            leftSection={<IconPlus size={16} aria-hidden />}
            data-testid="canvas-add"
          >
            {t("flows.addStep")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {KINDS.map((kind) => (
            <Menu.Item key={kind} onClick={() => onAdd(kind)} data-testid={`canvas-add-${kind}`}>
              {t(`stepKind.${kind}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <span className={classes.tools}>
        <CanvasAction
          label={t("canvas.arrange")}
          icon={IconHierarchy2}
          onClick={onArrange}
          testId="canvas-arrange"
        />
        <CanvasAction label={t("canvas.fit")} icon={IconFocusCentered} onClick={onFit} testId="canvas-fit" />
        <CanvasAction
          label={t("canvas.zoomOut")}
          icon={IconZoomOut}
          onClick={() => onZoom("out")}
          testId="canvas-zoom-out"
        />
        <CanvasAction
          label={t("canvas.zoomIn")}
          icon={IconZoomIn}
          onClick={() => onZoom("in")}
          testId="canvas-zoom-in"
        />
      </span>
    </div>
  );
});

/** Steps by name; of two with the same name the id tells which is which. */
function optionsFor(steps: readonly Step[]) {
  const counts = new Map<string, number>();
  for (const step of steps) counts.set(nameOf(step), (counts.get(nameOf(step)) ?? 0) + 1);
  return steps.map((step) => ({
    value: step.stepId ?? "",
    label: (counts.get(nameOf(step)) ?? 0) > 1 ? `${nameOf(step)} (${step.stepId})` : nameOf(step),
  }));
}

const nameOf = (step: Step) => step.displayName || step.stepId || "";
