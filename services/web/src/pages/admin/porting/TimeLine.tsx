import { Button, Group, Textarea } from "@mantine/core";
import { useState } from "react";
import { api, ask, newRequestId } from "../../../api/client.ts";
import { useNames } from "../../../api/names.ts";
import type { PortEvent, PortOrder } from "../../../api/types.ts";
import { formatDateTime } from "../../../format/dates.ts";
import { language, type Text, textOr, useText } from "../../../i18n/index.ts";
import { usePages } from "../../../ui/LoadMore.tsx";
import { Panel } from "../../../ui/Page.tsx";
import { ProblemNote } from "../../../ui/ProblemNote.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import classes from "./porting.module.css";
import { channelName, stateName } from "./states.ts";

interface Props {
  portOrderId: string;
  version: number | string;
  onChange: (order: PortOrder) => Promise<void>;
}

/** What happened to an order, the newest first, and room to say something about it. */
export function TimeLine({ portOrderId, version, onChange }: Props) {
  const t = useText();
  const names = useNames();
  const { query, rows } = usePages<PortEvent>(["portEvents", portOrderId, version], async (pageToken) => {
    const params = { path: { portOrderId }, query: { pageToken } };
    const answer = await ask(api.GET("/v1/portOrders/{portOrderId}/events", { params }));
    return { rows: answer.events ?? [], next: answer.nextPageToken ?? "" };
  });
  const [text, setText] = useState("");
  const [problem, setProblem] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const comment = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const params = { path: { portOrderId } };
      const body = { requestId: newRequestId(), text };
      await onChange(await ask(api.POST("/v1/portOrders/{portOrderId}:comment", { params, body })));
      setText("");
    } catch (error) {
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Panel label={t("porting.timeLine")} testId="port-time-line">
      <h2 style={{ fontSize: "1.05rem", marginTop: 0 }}>{t("porting.timeLine")}</h2>
      <ol className={classes.line} reversed>
        {rows.map((event, index) => (
          <li
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no ids, and never change places
            key={index}
            className={classes.event}
            data-tone={toneOf(event)}
          >
            <div>{said(event, t)}</div>
            <div className={classes.when}>
              <DateTime value={event.eventTime} />
              {event.userId && (
                <>
                  {" · "}
                  <bdi>{names.user(event.userId)}</bdi>
                </>
              )}
            </div>
          </li>
        ))}
      </ol>
      {query.hasNextPage && (
        <Button variant="default" size="xs" onClick={() => void query.fetchNextPage()}>
          {t("common.loadMore")}
        </Button>
      )}
      <Textarea
        mt="md"
        label={t("porting.comment")}
        autosize
        minRows={2}
        maxLength={2000}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        data-testid="port-comment"
      />
      <ProblemNote problem={problem} />
      <Group mt="xs">
        <Button
          variant="default"
          disabled={!text.trim()}
          loading={busy}
          onClick={() => void comment()}
          data-testid="port-comment-save"
        >
          {t("porting.commentSave")}
        </Button>
      </Group>
    </Panel>
  );
}

function toneOf(event: PortEvent): string | undefined {
  if (event.state === "PORT_STATE_PORTED") return "good";
  return event.state === "PORT_STATE_EXCEPTION" || event.kind === "CARRIER_AWAY" ? "bad" : undefined;
}

function said(event: PortEvent, t: Text): string {
  const note = isolated(event.note ?? "");
  if (event.kind === "COMMENT") return event.note ?? "";
  if (event.kind === "STATE") {
    const head = event.channel === "PORT_CHANNEL_UNSPECIFIED" ? "" : `${channelName(event)}: `;
    const [reason = ""] = (event.note ?? "").split(": ");
    const why = event.state === "PORT_STATE_EXCEPTION" ? ` – ${textOr("portException", reason)}` : "";
    return `${head}${stateName(event.state)}${why}`;
  }
  if (event.kind === "FOC_CHANGED")
    return t("portEvent.FOC_CHANGED", { note: formatDateTime(event.note, language()) });
  return textOr("portEvent", event.kind ?? "", { note });
}

/** What somebody else wrote must not turn our sentence around. */
function isolated(text: string): string {
  return text && `\u2068${text}\u2069`;
}
