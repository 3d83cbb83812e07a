import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, ask } from "../../api/client.ts";
import { useLanguage, useText } from "../../i18n/index.ts";
import { Confirm } from "../../ui/Confirm.tsx";
import { CopyField } from "../../ui/CopyField.tsx";
import { Note } from "../../ui/Note.tsx";
import { Panel } from "../../ui/Page.tsx";
import { ProblemNote } from "../../ui/ProblemNote.tsx";
import { DateTime } from "../../ui/Time.tsx";
import classes from "./mine.module.css";
import { MINE, useReadAgain } from "./useMine.ts";

/** The address of one's shifts for a calendar program: shown once, changed or revoked at any time. */
export function CalendarFeed() {
  const t = useText();
  const language = useLanguage();
  const readAgain = useReadAgain();
  const [address, setAddress] = useState("");
  const [asking, setAsking] = useState<"make" | "revoke">();
  const { data, error } = useQuery({
    queryKey: [MINE, "feed"],
    queryFn: () => ask(api.GET("/v1/mySchedule/calendarFeed")),
  });
  const [problem, setProblem] = useState<unknown>();
  const make = async () => {
    const made = await ask(api.POST("/v1/mySchedule/calendarFeed", { body: { language } }));
    setAddress(new URL(made.path ?? "", location.origin).href);
    await readAgain();
  };
  const revoke = async () => {
    await ask(api.DELETE("/v1/mySchedule/calendarFeed"));
    setAddress("");
    await readAgain();
  };
  const there = Boolean(data?.createTime);
  const begin = () => (there ? setAsking("make") : void make().then(() => setProblem(undefined), setProblem));
  return (
    <Panel label={t("mine.feed")} testId="feed">
      <div className={classes.stack} style={{ gap: 10 }}>
        <div className={classes.head}>
          <h2>{t("mine.feed")}</h2>
          <div className={classes.row}>
            <Button size="compact-md" variant="default" onClick={begin} data-testid="feed-make">
              {t(there ? "mine.feedRenew" : "mine.feedMake")}
            </Button>
            {there && (
              <Button
                size="compact-md"
                variant="default"
                onClick={() => setAsking("revoke")}
                data-testid="feed-revoke"
              >
                {t("mine.feedRevoke")}
              </Button>
            )}
          </div>
        </div>
        <p className={classes.quiet}>{t("mine.feedBody")}</p>
        <ProblemNote problem={problem ?? error} />
        {address ? (
          <>
            <CopyField value={address} label={t("mine.feed")} testId="feed-address" />
            <Note tone="warn">{t("mine.feedOnce")}</Note>
          </>
        ) : (
          there && (
            <p className={classes.quiet}>
              {t("mine.feedSince")} <DateTime value={data?.createTime} />
            </p>
          )
        )}
      </div>
      <Confirm
        opened={asking !== undefined}
        title={t(asking === "make" ? "mine.feedRenew" : "mine.feedRevoke")}
        body={t("mine.feedEnds")}
        confirm={t(asking === "make" ? "mine.feedRenew" : "mine.feedRevoke")}
        onConfirm={asking === "make" ? make : revoke}
        onClose={() => setAsking(undefined)}
      />
    </Panel>
  );
}
