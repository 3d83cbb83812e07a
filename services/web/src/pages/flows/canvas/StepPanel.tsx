import { Button, Group } from "@mantine/core";
import { IconCopy, IconTag, IconTrash, IconX } from "@tabler/icons-react";
import { memo, type Ref } from "react";
import type { Definition, FlowProblem, Step } from "../../../api/types.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { ProblemText } from "../ProblemText.tsx";
import { ICONS, StepBody } from "../StepCard.tsx";
import { kindOf, renameStep } from "../steps.ts";
import { CanvasAction } from "./CanvasAction.tsx";
import classes from "./canvas.module.css";

interface Props {
  ref: Ref<HTMLElement>;
  definition: Definition;
  /** The steps that are selected, at least one. */
  selected: readonly Step[];
  problems: readonly FlowProblem[];
  onChange: (definition: Definition) => void;
  /** The step has another id now. */
  onRenamed: (to: string) => void;
  onDuplicate: () => void;
  onDelete: () => void;
  onClose: () => void;
}

/** What is asked about the selected step, as the list asks it; of several steps only what can be done to all. */
export const StepPanel = memo(function StepPanel(props: Props) {
  const t = useText();
  const language = useLanguage();
  const { definition, selected } = props;
  const steps = definition.steps ?? [];
  const [step] = selected;
  const only = selected.length === 1 ? step : undefined;
  const kind = only && kindOf(only);
  const problems = props.problems.filter((problem) => problem.stepId === only?.stepId);
  const Sign = kind ? ICONS[kind] : IconTag;
  const title = only
    ? only.displayName || only.stepId
    : t("canvas.several", { count: formatNumber(selected.length, language) });
  const change = (next: Step) =>
    props.onChange({ ...definition, steps: steps.map((each) => (each === only ? next : each)) });
  const rename = (from: string, to: string) => {
    props.onChange(renameStep(definition, from, to));
    props.onRenamed(to);
  };
  return (
    <section
      ref={props.ref}
      className={classes.panel}
      aria-label={title}
      data-testid="canvas-panel"
      onKeyDown={(event) => {
        if (event.key === "Escape" && !event.defaultPrevented) props.onClose();
      }}
    >
      <div className={classes.panelHead}>
        <span className={classes.nodeIcon}>
          <Sign size={20} stroke={1.7} aria-hidden />
        </span>
        <span className={classes.nodeTitle}>
          <span className={classes.nodeName} dir="auto">
            {title}
          </span>
          <span className={classes.nodeKind}>{kind && t(`stepKind.${kind}`)}</span>
        </span>
        <CanvasAction
          label={t("common.close")}
          icon={IconX}
          onClick={props.onClose}
          testId="canvas-panel-close"
        />
      </div>
      <Group gap={8}>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconCopy size={15} aria-hidden />}
          onClick={props.onDuplicate}
          data-testid="canvas-duplicate"
        >
          {t("canvas.duplicate")}
        </Button>
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconTrash size={15} aria-hidden />}
          onClick={props.onDelete}
          data-testid="canvas-delete"
        >
          {t("common.delete")}
        </Button>
      </Group>
      {only && (
        <>
          {problems.length > 0 && (
            <ul className={classes.panelProblems}>
              {problems.map((problem) => (
                <li key={`${problem.field}${problem.reason}`}>
                  <ProblemText problem={problem} />
                </li>
              ))}
            </ul>
          )}
          <StepBody
            key={only.stepId}
            step={only}
            steps={steps}
            onChange={change}
            onRename={(to) => rename(only.stepId ?? "", to)}
          />
        </>
      )}
    </section>
  );
});
