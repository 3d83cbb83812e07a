import { useQuery } from "@tanstack/react-query";
import { api, ask } from "../../../api/client.ts";
import { textOr, useLanguage } from "../../../i18n/index.ts";

/** What meters are called: built-in ones by us, others by whoever defined them. */
export function useMeterNames(): (meter: string) => string {
  const language = useLanguage();
  const { data } = useQuery({ queryKey: ["meters"], queryFn: () => ask(api.GET("/v1/meters")) });
  return (meter) => {
    const names = data?.meters?.find((each) => each.meter === meter && !each.builtIn)?.names;
    return names?.[language] || names?.en || textOr("meter", meter);
  };
}
