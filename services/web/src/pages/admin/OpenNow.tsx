import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../api/client.ts";
import { useText } from "../../i18n/index.ts";
import { Tag } from "../../ui/Note.tsx";
import { DateTime } from "../../ui/Time.tsx";

/** Whether business hours are open now, and until when that stays so. */
export function OpenNow({ businessHoursId }: { businessHoursId: string }) {
  const t = useText();
  const { data } = useQuery({
    queryKey: ["hoursCheck", businessHoursId],
    queryFn: () =>
      ask(api.GET("/v1/businessHours/{businessHoursId}:check", { params: { path: { businessHoursId } } })),
    refetchInterval: 60_000,
  });
  if (!data) return null;
  return (
    <>
      <Tag tone={data.open ? "good" : "neutral"} dot>
        {data.open ? t("admin.hours.open") : t("admin.hours.closed")}
      </Tag>{" "}
      {data.changeTime && (
        <span style={{ color: "var(--m-muted)", fontSize: "0.87rem" }}>
          {t("admin.hours.until")} <DateTime value={data.changeTime} />
        </span>
      )}
    </>
  );
}
