import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import type { BusinessHours } from "../../../api/types.ts";
import { useLanguage } from "../../../i18n/index.ts";

/** What these hours would be, before they are saved; nothing while they make no sense yet. */
export function usePreview({ timeZone, intervals, holidays, calendar }: BusinessHours) {
  const language = useLanguage();
  const dated = (holidays ?? []).filter((each) => each.date);
  const businessHours = {
    displayName: "",
    timeZone: timeZone ?? "UTC",
    intervals,
    holidays: dated,
    calendar,
  };
  return useQuery({
    queryKey: ["hoursPreview", language, businessHours],
    queryFn: () => ask(api.POST("/v1/businessHours:preview", { body: { businessHours, language } })),
    placeholderData: keepPreviousData,
    retry: false,
    refetchInterval: 60_000,
  });
}
