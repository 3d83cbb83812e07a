import { Anchor, Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link, useSearch } from "wouter";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Loading } from "../../ui/LoadMore.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { QuickSetUp } from "./QuickSetUp.tsx";
import { ReadyLinks } from "./ReadyLinks.tsx";
import { BrandStep, FlowStep, InviteStep, NumberStep, QueueStep } from "./SetUpSteps.tsx";
import { Lead, StartFrame } from "./StartFrame.tsx";
import { nextStep, PROGRESS_KEY, type Progress, STEPS, type StepName, useProgress } from "./setUp.ts";
import classes from "./start.module.css";

/** From an empty organisation to one that can be called, a step at a time or all at once. */
export default function SetUpPage() {
  const t = useText();
  const [quick, setQuick] = useState(useSearch().includes("quick=1"));
  const later = (
    <Anchor component={Link} href="/" size="sm" data-testid="setup-later">
      {t("setUp.later")}
    </Anchor>
  );
  return (
    <StartFrame width="medium" actions={later}>
      {quick ? <QuickSetUp onGuided={() => setQuick(false)} /> : <Guided onQuick={() => setQuick(true)} />}
    </StartFrame>
  );
}

function Guided({ onQuick }: { onQuick: () => void }) {
  const t = useText();
  const queries = useQueryClient();
  const { data, error, refetch } = useProgress();
  const [skipped, setSkipped] = useState(false);
  if (error) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const waiting = nextStep(data);
  const current = waiting === "invite" && skipped ? undefined : waiting;
  const saved = () => queries.invalidateQueries({ queryKey: PROGRESS_KEY });
  if (!current) {
    return (
      <>
        <Lead title={t("setUp.done.title")}>{t("setUp.done.lead")}</Lead>
        <ReadyLinks progress={data} />
      </>
    );
  }
  return (
    <>
      <Lead title={t("setUp.title")}>{t("setUp.lead")}</Lead>
      <StepLine current={current} />
      <div className={classes.card} data-testid={`setup-step-${current}`}>
        <Step name={current} progress={data} onSaved={saved} onSkip={() => setSkipped(true)} />
      </div>
      {current !== "invite" && (
        <p style={{ textAlign: "center", marginTop: 20 }}>
          <Button variant="subtle" onClick={onQuick} data-testid="setup-defaults">
            {t("setUp.defaults")}
          </Button>
        </p>
      )}
    </>
  );
}

function StepLine({ current }: { current: StepName }) {
  const t = useText();
  const language = useLanguage();
  const at = STEPS.indexOf(current);
  return (
    <ol className={classes.steps} aria-label={t("setUp.title")}>
      {STEPS.map((name, index) => {
        const state = index < at ? "done" : index === at ? "current" : "ahead";
        return (
          <li
            key={name}
            className={classes.step}
            data-state={state}
            aria-current={state === "current" ? "step" : undefined}
          >
            <span className={classes.stepNumber} aria-hidden>
              {state === "done" ? "✓" : formatNumber(index + 1, language)}
            </span>
            {t(`setUp.step.${name}`)}
          </li>
        );
      })}
    </ol>
  );
}

export interface StepProps {
  progress: Progress;
  onSaved: () => Promise<unknown>;
}

function Step({ name, progress, onSaved, onSkip }: StepProps & { name: StepName; onSkip: () => void }) {
  if (name === "brand") return <BrandStep progress={progress} onSaved={onSaved} />;
  if (name === "number") return <NumberStep progress={progress} onSaved={onSaved} />;
  if (name === "queue") return <QueueStep progress={progress} onSaved={onSaved} />;
  if (name === "flow") return <FlowStep progress={progress} onSaved={onSaved} />;
  return <InviteStep onDone={onSkip} />;
}
