import { Group, SegmentedControl } from "@mantine/core";
import { IconArrowBackUp, IconArrowForwardUp } from "@tabler/icons-react";
import { Suspense } from "react";
import type { FlowProblem } from "../../../api/types.ts";
import { useText } from "../../../i18n/index.ts";
import { Loading } from "../../../ui/LoadMore.tsx";
import { lazyPage } from "../../../ui/lazyPage.ts";
import { StepList } from "../StepList.tsx";
import { CanvasAction } from "./CanvasAction.tsx";
import type { Editing } from "./useDraft.ts";
import type { View, Wanted } from "./view.ts";

const FlowCanvas = lazyPage(() => import("./FlowCanvas.tsx"));

interface Props {
  editing: Editing;
  view: View;
  onView: (view: View) => void;
  problems: readonly FlowProblem[];
  /** Step the canvas is asked to show. */
  wanted?: Wanted | undefined;
  /** Step to point at in either view. */
  highlighted?: string | undefined;
}

/** One draft, seen as a list or on a canvas; what is changed in one is changed in the other, and undone in both. */
export function Designer({ editing, view, onView, problems, wanted, highlighted }: Props) {
  const t = useText();
  return (
    <>
      <Group justify="space-between" gap={8}>
        <SegmentedControl
          aria-label={t("flows.view")}
          data={[
            { value: "list", label: t("flows.view.list") },
            { value: "canvas", label: t("flows.view.canvas") },
          ]}
          value={view}
          onChange={(next) => onView(next as View)}
          data-testid="flow-view"
        />
        <Group gap={4}>
          <CanvasAction
            label={t("flows.undo")}
            keys="Ctrl+Z"
            icon={IconArrowBackUp}
            flips
            disabled={!editing.canUndo}
            onClick={editing.undo}
            testId="flow-undo"
          />
          <CanvasAction
            label={t("flows.redo")}
            keys="Ctrl+Shift+Z"
            icon={IconArrowForwardUp}
            flips
            disabled={!editing.canRedo}
            onClick={editing.redo}
            testId="flow-redo"
          />
        </Group>
      </Group>
      {view === "list" ? (
        <StepList
          definition={editing.definition}
          problems={problems}
          highlighted={highlighted}
          onChange={editing.change}
        />
      ) : (
        <Suspense fallback={<Loading />}>
          <FlowCanvas
            definition={editing.definition}
            layout={editing.layout}
            problems={problems}
            wanted={wanted}
            highlighted={highlighted}
            onEdit={editing.change}
          />
        </Suspense>
      )}
    </>
  );
}
