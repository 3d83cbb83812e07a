import { Fragment } from "react";
import type { Recording } from "../../api/types.ts";
import { formatClock } from "../../format/durations.ts";
import { formatNumber } from "../../format/numbers.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { DateTime } from "../../ui/Time.tsx";
import { partsOf } from "./lanes.ts";
import { Listen } from "./RecordingPlayer.tsx";
import classes from "./watch.module.css";

/** What was recorded of one call: its conversation, part by part, and messages that were left in it. */
export function CallRecordings({ recordings }: { recordings: readonly Recording[] }) {
  const t = useText();
  const language = useLanguage();
  const parts = partsOf(recordings);
  const messages = recordings.filter((recording) => recording.kind === "RECORDING_KIND_VOICEMAIL");
  if (recordings.length === 0) return <p className={classes.nothing}>{t("watch.call.noRecording")}</p>;
  return (
    <>
      {parts.map(({ recording, missing }, at) => (
        <Fragment key={recording.recordingId}>
          {at > 0 && (
            <p className={classes.between} data-testid="recording-between">
              {missing >= 0.1
                ? t("watch.parts.gap", { length: formatClock(Math.ceil(missing), language) })
                : t("watch.parts.noGap")}
            </p>
          )}
          {parts.length > 1 && (
            <h3 className={classes.part}>
              {t("watch.parts.part", {
                number: formatNumber(at + 1, language),
                count: formatNumber(parts.length, language),
              })}
              {" · "}
              <DateTime value={recording.startTime} />
            </h3>
          )}
          <Listen recording={recording} lanes />
        </Fragment>
      ))}
      {messages.map((recording) => (
        <Fragment key={recording.recordingId}>
          <h3 className={classes.part}>{t("watch.message")}</h3>
          <Listen recording={recording} />
        </Fragment>
      ))}
    </>
  );
}
