import { TextInput } from "@mantine/core";
import {
  type Icon,
  IconArrowDown,
  IconArrowForwardUp,
  IconArrowsSplit2,
  IconArrowUp,
  IconChartBar,
  IconChevronDown,
  IconChevronUp,
  IconClockHour4,
  IconDialpad,
  IconLanguage,
  IconListNumbers,
  IconMessage2,
  IconMoodSmile,
  IconPhoneCall,
  IconPhoneOff,
  IconPlayerPlay,
  IconRecordMail,
  IconRoute,
  IconRoute2,
  IconStack2,
  IconTable,
  IconTag,
  IconTrash,
  IconUserSearch,
  IconWorld,
} from "@tabler/icons-react";
import type { FlowProblem, Step } from "../../api/types.ts";
import { arrowOf, useLanguage, useText } from "../../i18n/index.ts";
import { Tag } from "../../ui/Note.tsx";
import { IconAction } from "../../ui/RowActions.tsx";
import classes from "./flows.module.css";
import { ProblemText } from "./ProblemText.tsx";
import { StepFields } from "./StepFields.tsx";
import { type Kind, kindOf, stepName, targetsOf } from "./steps.ts";

export const ICONS: Record<Kind, Icon> = {
  say: IconMessage2,
  play: IconPlayerPlay,
  menu: IconListNumbers,
  collect: IconDialpad,
  hours: IconClockHour4,
  setAttribute: IconTag,
  httpRequest: IconWorld,
  queue: IconStack2,
  transfer: IconArrowForwardUp,
  voicemail: IconRecordMail,
  callbackOffer: IconPhoneCall,
  hangUp: IconPhoneOff,
  test: IconRoute,
  split: IconArrowsSplit2,
  checkQueue: IconChartBar,
  entryRules: IconTable,
  findCustomer: IconUserSearch,
  callFlow: IconRoute2,
  chooseLanguage: IconLanguage,
  survey: IconMoodSmile,
};

interface Props {
  step: Step;
  steps: readonly Step[];
  isStart: boolean;
  open: boolean;
  /** Something elsewhere on the page points at it. */
  lit: boolean;
  first: boolean;
  last: boolean;
  problems: readonly FlowProblem[];
  onToggle: () => void;
  onChange: (step: Step) => void;
  onRename: (to: string) => void;
  onMove: (by: 1 | -1) => void;
  onDelete: () => void;
}

export function StepCard(props: Props) {
  const t = useText();
  const language = useLanguage();
  const { step, steps, open, problems } = props;
  const kind = kindOf(step);
  const Sign = kind ? ICONS[kind] : IconTag;
  const bad = problems.some((problem) => problem.severity === "SEVERITY_ERROR");
  const name = step.displayName || step.stepId || "";
  const leads = targetsOf(step).map((target) => stepName(steps, target));
  return (
    <section
      className={`${classes.step} ${bad ? classes.stepBad : ""} ${props.lit ? classes.stepLit : ""}`}
      aria-current={props.lit ? "step" : undefined}
      id={`step-${step.stepId}`}
      aria-label={name}
      data-testid={`step-${step.stepId}`}
    >
      <div className={classes.head}>
        <span className={classes.kind}>
          <Sign size={20} stroke={1.7} aria-hidden />
        </span>
        <button type="button" className={classes.open} aria-expanded={open} onClick={props.onToggle}>
          <span className={classes.stepName}>
            <bdi>{name}</bdi>
          </span>
          {kind && <Tag>{t(`stepKind.${kind}`)}</Tag>}
          {props.isStart && <Tag tone="good">{t("flows.startTag")}</Tag>}
          {leads.length > 0 && (
            <span className={classes.leads}>
              {arrowOf(language)} <bdi>{[...new Set(leads)].join(", ")}</bdi>
            </span>
          )}
        </button>
        <IconAction
          label={t("flows.moveUp")}
          disabled={props.first}
          onClick={() => props.onMove(-1)}
          icon={IconArrowUp}
        />
        <IconAction
          label={t("flows.moveDown")}
          disabled={props.last}
          onClick={() => props.onMove(1)}
          icon={IconArrowDown}
        />
        <IconAction label={`${t("common.delete")}: ${name}`} onClick={props.onDelete} icon={IconTrash} />
        <IconAction
          label={open ? t("common.close") : t("common.edit")}
          onClick={props.onToggle}
          icon={open ? IconChevronUp : IconChevronDown}
        />
      </div>
      {problems.length > 0 && (
        <ul className={classes.problems} style={{ margin: "0 16px 10px", color: "var(--m-bad)" }}>
          {problems.map((problem) => (
            <li key={`${problem.field}${problem.reason}`}>
              <ProblemText problem={problem} />
            </li>
          ))}
        </ul>
      )}
      {open && (
        <div className={classes.body}>
          <StepBody step={step} steps={steps} onChange={props.onChange} onRename={props.onRename} />
        </div>
      )}
    </section>
  );
}

/** All that is asked about a step: its name, its id, and the fields of its kind. */
export function StepBody(props: Pick<Props, "step" | "steps" | "onChange" | "onRename">) {
  const t = useText();
  const { step, steps } = props;
  return (
    <>
      <TextInput
        label={t("common.name")}
        maxLength={120}
        value={step.displayName ?? ""}
        onChange={(event) => props.onChange({ ...step, displayName: event.currentTarget.value })}
      />
      <TextInput
        key={step.stepId}
        label={t("flows.stepId")}
        description={t("flows.stepIdHint")}
        dir="ltr"
        maxLength={64}
        defaultValue={step.stepId ?? ""}
        onBlur={(event) => {
          const to = event.currentTarget.value.trim();
          if (to && to !== step.stepId && !steps.some((each) => each.stepId === to)) props.onRename(to);
          else event.currentTarget.value = step.stepId ?? "";
        }}
      />
      <StepFields step={step} steps={steps} onChange={props.onChange} />
    </>
  );
}
