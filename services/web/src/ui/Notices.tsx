import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { api, ask } from "../api/client.ts";
import type { Notice } from "../api/types.ts";
import { textOr, useText } from "../i18n/index.ts";
import { socket } from "../socket/live.ts";
import { failureText } from "./failureText.ts";
import { Note } from "./Note.tsx";
import { DateTime } from "./Time.tsx";

const KEY = ["notices"];

/** What the owner should know, above every page until it is put away. */
export default function Notices() {
  const t = useText();
  const queries = useQueryClient();
  const { data } = useQuery({ queryKey: KEY, queryFn: () => ask(api.GET("/v1/notices")) });
  useEffect(
    () =>
      socket.onFact((event) => {
        if (event.fact === "NoticeRaised") void queries.invalidateQueries({ queryKey: KEY });
      }),
    [queries],
  );
  const dismiss = async (notice: Notice) => {
    const path = { noticeId: notice.noticeId ?? "" };
    await ask(api.POST("/v1/notices/{noticeId}:dismiss", { params: { path }, body: {} })).catch(
      () => undefined,
    );
    await queries.invalidateQueries({ queryKey: KEY });
  };
  const open = (data?.notices ?? []).filter((notice) => !notice.dismissed).slice(0, 3);
  return open.map((notice) => (
    <Note
      key={notice.noticeId}
      tone="warn"
      title={noticeText(notice)}
      onClose={() => void dismiss(notice)}
      testId={`notice-${notice.kind}`}
    >
      {t("notice.times", { count: notice.count ?? 1 })} <DateTime value={notice.updateTime} />
    </Note>
  ));
}

function noticeText(notice: Notice): string {
  const parameters: Record<string, string> = { ...notice.parameters };
  if (parameters.failure !== undefined) parameters.failure = failureText(parameters.failure);
  return textOr("notice", notice.kind ?? "", parameters);
}
