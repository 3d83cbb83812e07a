import { Anchor } from "@mantine/core";
import { Link } from "wouter";
import { useNames } from "../api/names.ts";
import type { HistoryEntry } from "../api/types.ts";
import { textOr, useText } from "../i18n/index.ts";
import classes from "../pages/desktop/desktop.module.css";
import { mayEnter } from "../session/roles.ts";
import { useSession } from "../session/session.ts";
import { Tag } from "./Note.tsx";
import { DateTime, Length } from "./Time.tsx";

/** A customer's history, newest first: contacts and notes. */
export function HistoryList({ entries }: { entries: readonly HistoryEntry[] }) {
  return (
    <ol className={classes.history} data-testid="history">
      {entries.map((entry) => (
        <HistoryItem key={entry.historyEntryId} entry={entry} />
      ))}
    </ol>
  );
}

function HistoryItem({ entry }: { entry: HistoryEntry }) {
  const t = useText();
  const names = useNames();
  const session = useSession();
  const watches = mayEnter(session.status === "signedIn" ? session.user.role : undefined, "watch");
  const talked = Number(entry.talkSeconds ?? 0);
  const choices = Object.entries(entry.attributes ?? {})
    .filter(([key]) => key.startsWith("menu."))
    .map(([, value]) => value);
  return (
    <li>
      <div className={classes.historyHead}>
        <DateTime value={entry.createTime} />
        {entry.outcome && (
          <Tag tone={entry.outcome === "answered" ? "good" : "warn"}>{textOr("outcome", entry.outcome)}</Tag>
        )}
        {entry.dispositionId && <Tag>{names.disposition(entry.dispositionId)}</Tag>}
        {entry.queueId && <span>{names.queue(entry.queueId)}</span>}
        {entry.agentId && watches && <span>{names.user(entry.agentId)}</span>}
        {talked > 0 && <Length seconds={talked} />}
        {entry.callId && watches && (
          <Anchor component={Link} href={`/calls/${entry.callId}`} size="sm">
            {t("watch.openCall")}
          </Anchor>
        )}
      </div>
      {choices.length > 0 && (
        <div className={classes.historyHead}>
          {t("desktop.menuChoice")}: <bdi>{choices.join(", ")}</bdi>
        </div>
      )}
      {entry.note && (
        <p className={classes.historyNote}>
          <bdi>{entry.note}</bdi>
        </p>
      )}
    </li>
  );
}
