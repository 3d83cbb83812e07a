import { Button, Menu } from "@mantine/core";
import { IconPlus, IconSitemap } from "@tabler/icons-react";
import { useState } from "react";
import type { Definition, FlowProblem, Step } from "../../api/types.ts";
import { useText } from "../../i18n/index.ts";
import { EmptyState } from "../../ui/EmptyState.tsx";
import { Panel } from "../../ui/Page.tsx";
import { StepCard } from "./StepCard.tsx";
import { KINDS, type Kind, moveStep, newStep, renameStep } from "./steps.ts";

interface Props {
  definition: Definition;
  problems: readonly FlowProblem[];
  /** The step a pretended call has come to. */
  current: string;
  onChange: (definition: Definition) => void;
}

/** The steps as a list that the keyboard can edit: open one, change it, move it, delete it, add one. */
export function StepList({ definition, problems, current, onChange }: Props) {
  const t = useText();
  const steps = definition.steps ?? [];
  const [open, setOpen] = useState("");
  const withSteps = (next: Step[]) => onChange({ ...definition, steps: next });
  const add = (kind: Kind) => {
    const step = newStep(kind, steps);
    onChange({ ...definition, start: definition.start || step.stepId, steps: [...steps, step] });
    setOpen(step.stepId ?? "");
  };
  const rename = (from: string, to: string) => {
    onChange(renameStep(definition, from, to));
    setOpen(to);
  };
  return (
    <>
      {steps.length === 0 && (
        <Panel>
          <EmptyState icon={IconSitemap} title={t("flows.noSteps")}>
            {t("flows.noStepsBody")}
          </EmptyState>
        </Panel>
      )}
      {steps.map((step, index) => (
        <StepCard
          key={step.stepId}
          step={step}
          steps={steps}
          isStart={step.stepId === definition.start}
          open={open === step.stepId}
          current={current !== "" && current === step.stepId}
          first={index === 0}
          last={index === steps.length - 1}
          problems={problems.filter((problem) => problem.stepId === step.stepId)}
          onToggle={() => setOpen(open === step.stepId ? "" : (step.stepId ?? ""))}
          onChange={(next) => withSteps(steps.map((each, at) => (at === index ? next : each)))}
          onRename={(to) => rename(step.stepId ?? "", to)}
          onMove={(by) => withSteps(moveStep(steps, index, by))}
          onDelete={() => withSteps(steps.filter((_, at) => at !== index))}
        />
      ))}
      <Menu position="bottom-start">
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconPlus size={17} aria-hidden />}
            style={{ justifySelf: "start" }}
            data-testid="step-add"
          >
            {t("flows.addStep")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {KINDS.map((kind) => (
            <Menu.Item key={kind} onClick={() => add(kind)} data-testid={`step-add-${kind}`}>
              {t(`stepKind.${kind}`)}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
    </>
  );
}
