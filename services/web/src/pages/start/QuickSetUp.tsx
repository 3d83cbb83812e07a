import { Button, Loader } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useText } from "../../i18n/index.ts";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { ReadyLinks } from "./ReadyLinks.tsx";
import { Lead } from "./StartFrame.tsx";
import { nextStep, PROGRESS_KEY, STEPS, type StepName, setUpByDefaults, useProgress } from "./setUp.ts";
import classes from "./start.module.css";

/** Sets everything up by defaults, showing what it makes; ends where the guided way ends. */
export function QuickSetUp({ onGuided }: { onGuided: () => void }) {
  const t = useText();
  const queries = useQueryClient();
  const [step, setStep] = useState<StepName>("brand");
  const [problem, setProblem] = useState<unknown>();
  const { data } = useProgress();
  const begun = useRef(false);
  const dispositions = t("setUp.dispositions.default").split(";");
  const run = async () => {
    setProblem(undefined);
    try {
      const names = {
        queue: t("setUp.queue.default"),
        flow: t("setUp.flow.default"),
        dispositions,
      };
      await setUpByDefaults(names, setStep);
      await queries.invalidateQueries({ queryKey: PROGRESS_KEY });
    } catch (error) {
      setProblem(error);
    }
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once, when the page opens
  useEffect(() => {
    if (begun.current) return;
    begun.current = true;
    void run();
  }, []);
  const waiting = data && nextStep(data);
  if (data && (waiting === undefined || waiting === "invite")) {
    return (
      <>
        <Lead title={t("setUp.done.title")}>{t("setUp.done.lead")}</Lead>
        <ReadyLinks progress={data} />
      </>
    );
  }
  return (
    <>
      <Lead title={t("setUp.quick.title")}>{t("setUp.quick.lead")}</Lead>
      <div className={classes.card} role="status">
        <ul className={classes.features}>
          {STEPS.filter((name) => name !== "invite").map((name) => {
            const state =
              STEPS.indexOf(name) < STEPS.indexOf(step) ? "done" : name === step ? "current" : "ahead";
            return (
              <li key={name} className={classes.step} data-state={state}>
                <span className={classes.stepNumber} aria-hidden>
                  {state === "done" ? (
                    "✓"
                  ) : state === "current" && !problem ? (
                    <Loader size={12} color="white" />
                  ) : (
                    "·"
                  )}
                </span>
                <span>
                  {t(`setUp.step.${name}`)}
                  {name === "queue" && (
                    <>
                      <br />
                      {t("setUp.queue.dispositions", { names: dispositions.join(t("common.comma")) })}
                    </>
                  )}
                </span>
              </li>
            );
          })}
        </ul>
      </div>
      {problem !== undefined && (
        <div style={{ marginTop: 16, display: "grid", gap: 12 }}>
          <ProblemNote problem={problem} onRetry={() => void run()} />
          <Button variant="default" onClick={onGuided}>
            {t("start.account.guided")}
          </Button>
        </div>
      )}
    </>
  );
}
