import { IconAlertTriangle, IconPhoneIncoming, IconTag, IconUnlink } from "@tabler/icons-react";
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { textOr, useText } from "../../../i18n/index.ts";
import { Tag } from "../../../ui/Note.tsx";
import { ProblemText } from "../ProblemText.tsx";
import { ICONS } from "../StepCard.tsx";
import { kindOf } from "../steps.ts";
import classes from "./canvas.module.css";
import type { Exit } from "./graph.ts";
import type { StepNode as Shown, StartNode } from "./nodes.ts";

const PROBLEMS_SHOWN = 2;

/** A step on the canvas: what it is, what it does, where it leads, and what is wrong with it. */
export const StepNode = memo(function StepNode({ data, selected }: NodeProps<Shown>) {
  const t = useText();
  const { step, exits, problems, rtl } = data;
  const kind = kindOf(step);
  const Sign = kind ? ICONS[kind] : IconTag;
  const bad = problems.some((problem) => problem.severity === "SEVERITY_ERROR");
  const looks = [
    classes.node,
    selected && classes.nodeSelected,
    !data.reached && classes.nodeLost,
    problems.length > 0 && (bad ? classes.nodeBad : classes.nodeWarn),
    data.lit && classes.nodeLit,
  ];
  return (
    <div
      className={looks.filter(Boolean).join(" ")}
      dir={rtl ? "rtl" : "ltr"}
      data-testid={`node-${step.stepId}`}
      data-lit={data.lit || undefined}
    >
      <Handle
        type="target"
        position={rtl ? Position.Right : Position.Left}
        isConnectableStart={false}
        className={classes.entry ?? ""}
      />
      <div className={classes.nodeHead}>
        <span className={classes.nodeIcon}>
          <Sign size={20} stroke={1.7} aria-hidden />
        </span>
        <span className={classes.nodeTitle}>
          <span className={classes.nodeName} dir="auto">
            {step.displayName || step.stepId}
          </span>
          <span className={classes.nodeKind}>{kind && t(`stepKind.${kind}`)}</span>
        </span>
        {data.isStart && <Tag tone="good">{t("flows.startTag")}</Tag>}
      </div>
      <div className={classes.nodeSummary} dir="auto" title={data.summary}>
        {data.summary}
      </div>
      {exits.map((exit) => (
        <div key={exit.id} className={classes.exit} data-ends={exit.target === "" || undefined}>
          <ExitName exit={exit} />
          <Handle
            type="source"
            id={exit.id}
            position={rtl ? Position.Left : Position.Right}
            className={classes.way ?? ""}
            data-testid={`exit-${step.stepId}-${exit.id}`}
          />
        </div>
      ))}
      {!data.reached && (
        <div className={classes.nodeProblem}>
          <IconUnlink size={15} aria-hidden />
          <span>{t("canvas.unreachable")}</span>
        </div>
      )}
      {problems.slice(0, PROBLEMS_SHOWN).map((problem) => (
        <div
          key={`${problem.field}${problem.reason}`}
          className={problem.severity === "SEVERITY_ERROR" ? classes.nodeError : classes.nodeProblem}
          title={textOr("flowProblem", problem.reason ?? "", { field: problem.field ?? "" })}
        >
          <IconAlertTriangle size={15} aria-hidden />
          <ProblemText problem={problem} />
        </div>
      ))}
      {problems.length > PROBLEMS_SHOWN && (
        <div className={classes.nodeProblem}>
          {t("canvas.moreProblems", { count: problems.length - PROBLEMS_SHOWN })}
        </div>
      )}
    </div>
  );
});

function ExitName({ exit }: { exit: Exit }) {
  const t = useText();
  if (exit.label) return <span className={classes.exitName}>{t(exit.label)}</span>;
  return (
    <span className={classes.exitName}>
      {exit.digit !== undefined && <kbd className={classes.digit}>{exit.digit || "?"}</kbd>}
      <bdi>{exit.meaning}</bdi>
    </span>
  );
}

/** Where a call comes in. */
export const StartMark = memo(function StartMark({ data }: NodeProps<StartNode>) {
  const t = useText();
  return (
    <div className={classes.start} dir={data.rtl ? "rtl" : "ltr"}>
      <IconPhoneIncoming size={17} aria-hidden />
      {t("canvas.begins")}
      <Handle
        type="source"
        id="next"
        position={data.rtl ? Position.Left : Position.Right}
        className={classes.way ?? ""}
        data-testid="exit-start"
      />
    </div>
  );
});
