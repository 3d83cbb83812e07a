import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { Link } from "wouter";
import { api, ask } from "../../api/client.ts";
import type { AgentNotice } from "../../api/types.ts";
import { formatDate } from "../../format/dates.ts";
import { isolated } from "../../format/isolated.ts";
import { textOr, useLanguage, useText } from "../../i18n/index.ts";
import type { Language } from "../../i18n/languages.ts";
import { socket } from "../../socket/live.ts";
import { Note } from "../../ui/Note.tsx";
import { noonOf, ZONELESS } from "../planning/days.ts";
import { MINE } from "./useMine.ts";

const KEY = [MINE, "notices"];
const BAD = ["TIME_OFF_REFUSED", "TRADE_REFUSED", "BID_LOST"];
const GOOD = ["TIME_OFF_APPROVED", "TRADE_DONE", "BID_WON"];
const MOST = 3;

/** What an agent should know of their schedule, above every page until it is put away. */
export default function MyNotices() {
  const t = useText();
  const language = useLanguage();
  const queries = useQueryClient();
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: async () => (await ask(api.GET("/v1/mySchedule/notices"))).agentNotices ?? [],
  });
  useEffect(
    () =>
      socket.onFact((event) => {
        if (event.fact === "AgentNoticed") void queries.invalidateQueries({ queryKey: [MINE] });
      }),
    [queries],
  );
  const dismiss = async (notice: AgentNotice) => {
    const path = { agentNoticeId: notice.agentNoticeId ?? "" };
    await ask(
      api.POST("/v1/mySchedule/notices/{agentNoticeId}:dismiss", { params: { path }, body: {} }),
    ).catch(() => undefined);
    await queries.invalidateQueries({ queryKey: KEY });
  };
  return (data ?? []).slice(0, MOST).map((notice) => (
    <Note
      key={notice.agentNoticeId}
      tone={BAD.includes(notice.kind ?? "") ? "warn" : GOOD.includes(notice.kind ?? "") ? "good" : "info"}
      title={textOr("mineNotice", notice.kind ?? "", { week: day(notice.firstDay, language) })}
      onClose={() => void dismiss(notice)}
      testId={`my-notice-${notice.kind}`}
      live
    >
      {(notice.days ?? []).map((each) => day(each, language)).join(" · ")}
      {notice.note && <bdi> {isolated(notice.note)}</bdi>}{" "}
      <Link href="/my-schedule">{t("nav.mySchedule")}</Link>
    </Note>
  ));
}

function day(value: string | undefined, language: Language): string {
  return formatDate(noonOf(value), language, ZONELESS);
}
