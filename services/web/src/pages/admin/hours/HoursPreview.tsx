import type { BusinessHours } from "../../../api/types.ts";
import { isolated } from "../../../format/isolated.ts";
import { useText } from "../../../i18n/index.ts";
import { Tag } from "../../../ui/Note.tsx";
import { DateTime } from "../../../ui/Time.tsx";
import { usePreview } from "./usePreview.ts";

/** Whether the hours as they stand in the form would be open now, and until when. */
export function HoursPreview({ hours }: { hours: BusinessHours }) {
  const t = useText();
  const { data, isError } = usePreview(hours);
  if (!data || isError) return null;
  return (
    <p style={{ margin: 0 }} aria-live="polite" data-testid="hours-preview">
      {t("hours.preview")}{" "}
      <Tag tone={data.open ? "good" : "neutral"} dot>
        {data.open ? t("admin.hours.open") : t("admin.hours.closed")}
      </Tag>{" "}
      <span style={{ color: "var(--m-muted)", fontSize: "0.9rem" }}>
        {data.holiday && `${t("hours.previewHoliday", { name: isolated(data.holiday) })} `}
        {data.changeTime ? (
          <>
            {t("admin.hours.until")} <DateTime value={data.changeTime} />
          </>
        ) : (
          t("hours.never")
        )}
      </span>
    </p>
  );
}
