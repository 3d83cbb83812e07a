import { Anchor } from "@mantine/core";
import { Fragment } from "react";
import type { Flow, Prompt, Simulation, SimulationInput, Step, Visit } from "../../../api/types.ts";
import { localDigits } from "../../../format/numbers.ts";
import { useLanguage, useText } from "../../../i18n/index.ts";
import { stepName } from "../steps.ts";
import { setBy, wordsFor } from "./inputs.ts";
import classes from "./simulator.module.css";

interface Props {
  simulation: Simulation;
  inputs: readonly SimulationInput[];
  steps: readonly Step[];
  prompts: readonly Prompt[];
  flows: readonly Flow[];
}

/** The way through the flow: each step with what is heard, what happens and what it sets. */
export function Transcript({ simulation, inputs, steps, prompts, flows }: Props) {
  const t = useText();
  const language = useLanguage();
  const visits = simulation.visits ?? [];
  const nameOf = (visit: Visit) => (visit.flowId ? (visit.stepId ?? "") : stepName(steps, visit.stepId));
  return (
    <ol
      className={classes.transcript}
      aria-label={t("simulator.transcript")}
      data-testid="simulator-transcript"
    >
      {visits.map((visit, place) => {
        const other = visit.flowId && flows.find((flow) => flow.flowId === visit.flowId)?.displayName;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step can be visited many times, and nothing is put in between
          <li key={place} data-testid={`visit-${visit.stepId}`}>
            {visit.flowId ? (
              <strong>
                <bdi>{other || visit.flowId}</bdi>: <bdi>{nameOf(visit)}</bdi>
              </strong>
            ) : (
              <Anchor href={`#step-${visit.stepId}`} fw={600}>
                <bdi>{nameOf(visit)}</bdi>
              </Anchor>
            )}
            {(visit.heard ?? []).map((heard, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: what is heard never changes its order
              <p key={at} className={classes.heard} lang={heard.language || undefined} dir="auto">
                {heard.text || promptName(prompts, heard.promptId)}
              </p>
            ))}
            {(visit.inputs ?? []).map((index) => {
              const given = inputs[index];
              return (
                <p key={index} className={classes.given}>
                  {given ? localDigits(wordsFor(given, t), language) : ""}
                </p>
              );
            })}
            <Attributes set={setBy(visits, place)} />
          </li>
        );
      })}
    </ol>
  );
}

function promptName(prompts: readonly Prompt[], promptId: string | undefined): string {
  const known = prompts.find((prompt) => prompt.promptId === promptId)?.displayName;
  return `♪ ${known ?? promptId ?? ""}`;
}

function Attributes({ set }: { set: readonly (readonly [string, string])[] }) {
  if (set.length === 0) return null;
  return (
    <dl className={classes.attributes} dir="ltr">
      {set.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd dir="auto">{value || "–"}</dd>
        </Fragment>
      ))}
    </dl>
  );
}
