import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { Candidate, Decision } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";
import { isolated } from "../../../format/isolated.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr, useText } from "../../../i18n/index.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { lengthWords, rejectionWords } from "../../../rules/words.ts";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { TimeOfDay } from "../../../ui/Time.tsx";
import classes from "../watch.module.css";
import { expressionWords } from "./expressionWords.ts";

const FRESH_MS = 5000;

/** Offers made for a contact with how each was found, newest first. */
export function useHowFound(contactId: string, live = false) {
  return useQuery({
    queryKey: ["howFound", contactId, live],
    queryFn: async (): Promise<Decision[]> => {
      const path = { contactId };
      return (await ask(api.GET("/v1/contacts/{contactId}/decisions", { params: { path } }))).decisions ?? [];
    },
    refetchInterval: live ? FRESH_MS : false,
  });
}

/** How agents were found for a contact: who was weighed, and why the others were not the one. */
export function Decisions({ contactId, live }: { contactId: string; live: boolean }) {
  const t = useText();
  const { data, error, refetch } = useHowFound(contactId, live);
  return (
    <section aria-label={t("why.decisions")} data-testid="decisions">
      <h3 className={classes.part}>{t("why.decisions")}</h3>
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {data?.length === 0 && <p className={classes.nothing}>{t("why.noDecisions")}</p>}
      {data?.map((decision) => (
        <Found key={decision.offerId} decision={decision} />
      ))}
    </section>
  );
}

/** One offer: who was chosen by what, who else was weighed, and why they were not the one. */
export function Found({ decision }: { decision: Decision }) {
  const speech = useSpeech();
  const { t, language } = speech;
  const names = useNames();
  const { rule = "", requirement = "", steps = [], candidates = [] } = decision;
  const chosen = candidates.find((each) => !each.rejection);
  const alone = rule === "target_agent" || rule === "preferred_agent";
  const numbers = steps.map((each) => formatNumber(each, language)).join(", ");
  return (
    <article className={classes.found}>
      <p>
        <TimeOfDay value={decision.createTime} seconds />{" "}
        <strong>
          {t("why.chosen", {
            name: isolated(names.user(chosen?.agentId)),
            why: textOr("decisionRule", rule),
          })}
        </strong>
      </p>
      {!alone && (
        <p>
          {t("why.askedThen", { words: expressionWords(requirement, speech) })}{" "}
          {steps.length > 0 && t("why.stepsThen", { count: steps.length, numbers })}
        </p>
      )}
      <ul>
        {candidates.map((candidate) => (
          <li key={candidate.agentId}>
            <bdi>{names.user(candidate.agentId)}</bdi>
            {": "}
            {candidate === chosen ? t("why.theOne") : rejectionWords(candidate.rejection ?? "", speech)}
            <Figures candidate={candidate} weighted={rule === "weighted"} />
          </li>
        ))}
      </ul>
    </article>
  );
}

/** What the strategy went by, of an agent who could have been chosen. */
function Figures({ candidate, weighted }: { candidate: Candidate; weighted: boolean }) {
  const { t, language } = useSpeech();
  const number = (value: number | undefined) => formatNumber(value ?? 0, language);
  const idle = durationSeconds(candidate.idleDuration);
  const said = [
    weighted && t("why.value", { value: number(candidate.value) }),
    (candidate.score ?? 0) > 0 && t("why.score", { score: number(candidate.score) }),
    idle > 0 && t("why.idle", { time: lengthWords(idle, t, language) }),
  ].filter(Boolean);
  return said.length > 0 && <span className={classes.faint}> · {said.join(" · ")}</span>;
}
