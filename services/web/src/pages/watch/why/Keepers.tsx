import { useNames } from "../../../api/names.ts";
import type { Explanation } from "../../../api/types.ts";
import { durationSeconds } from "../../../format/durations.ts";
import { formatNumber } from "../../../format/numbers.ts";
import { textOr } from "../../../i18n/index.ts";
import { useSpeech } from "../../../rules/useSpeech.ts";
import { rejectionWords } from "../../../rules/words.ts";
import { DataTable } from "../../../ui/DataTable.tsx";
import { Tag } from "../../../ui/Note.tsx";
import { Length, TimeOfDay } from "../../../ui/Time.tsx";
import classes from "../watch.module.css";
import { waits } from "./waiting.ts";

/** Agents with what keeps each from a contact, the nearest first. */
export function Keepers({ explanation }: { explanation: Explanation }) {
  const speech = useSpeech();
  const { t, language } = speech;
  const names = useNames();
  const { agents = [], agentCount = 0 } = explanation;
  const { contactId } = explanation.contact ?? {};
  const head = t(waits(explanation.contact ?? {}) ? "why.agents" : "why.keptThem");
  const counts = { shown: formatNumber(agents.length, language), count: formatNumber(agentCount, language) };
  return (
    <section aria-label={head}>
      <h3 className={classes.part}>{head}</h3>
      {agents.length === 0 && <p className={classes.nothing}>{t("why.noAgents")}</p>}
      {agents.length < agentCount && <p className={classes.nothing}>{t("why.agentsOf", counts)}</p>}
      {agents.length > 0 && (
        <DataTable
          label={head}
          rows={agents}
          keyOf={(row) => row.agentId ?? ""}
          testId={(row) => `keeper-${row.agentId}`}
          columns={[
            { head: t("role.ROLE_AGENT"), cell: (row) => <bdi>{names.user(row.agentId)}</bdi> },
            {
              head: t("why.keeps"),
              cell: ({ rejection = "", heldBack }) => (
                <>
                  <Tag tone={rejection === "" ? "good" : rejection.startsWith("state:") ? "info" : "warn"}>
                    {rejectionWords(rejection, speech)}
                  </Tag>
                  {heldBack && (
                    <div className={classes.nothing}>
                      {t(heldBack.contactId === contactId ? "why.keptForThis" : "why.keptFor", {
                        channel: textOr("capacity", heldBack.channel ?? ""),
                        count: formatNumber(heldBack.passed ?? 0, language),
                      })}{" "}
                      <TimeOfDay value={heldBack.sinceTime} seconds />
                    </div>
                  )}
                </>
              ),
            },
            {
              head: t("why.idleFor"),
              cell: (row) => {
                const seconds = durationSeconds(row.idleDuration);
                return seconds > 0 ? <Length seconds={seconds} /> : "–";
              },
            },
          ]}
        />
      )}
    </section>
  );
}
